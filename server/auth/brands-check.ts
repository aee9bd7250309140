import type { Definitions } from '../fhir/definitions.ts';
import { isObject } from '../fhir/json.ts';
import type { JsonObject, JsonValue } from '../fhir/types.ts';
import { createValidator } from '../fhir/validate.ts';
import { endpointFaults } from './brands-endpoint.ts';
import {
  EXTENSION,
  extensionsOf,
  isWebsite,
  listOf,
  type Published,
  textOf,
} from './brands-parts.ts';

/**
 * What a Bundle of User-access Brands has to be like (SMART App Launch 2.2, "User-access Brands and
 * Endpoints" and its three profiles), so that apps can show this hospital and connect to it.
 */

const PORTAL = `${EXTENSION}organization-portal`;
const BRAND = `${EXTENSION}organization-brand`;
const ABSENT = `${EXTENSION}data-absent-reason`;
/** Why something may be missing: it was asked for, and not given. */
const ASKED = ['asked-declined', 'asked-unknown'];
const MOST = 20;

export interface BrandRules {
  definitions: Definitions;
  /** The FHIR base URL of this server. */
  base: string;
}

/** All that is wrong with the Bundle, each with its place; empty where it can be published. */
export function brandFaults(bundle: JsonObject, { definitions, base }: BrandRules): string[] {
  if (bundle['resourceType'] !== 'Bundle') return ['The body is not a Bundle.'];
  const issues = createValidator(definitions).validate(bundle, { maxIssues: MOST });
  const errors = issues.filter(({ severity }) => severity !== 'warning');
  if (errors.length > 0) {
    return errors.map(({ diagnostics }) => diagnostics);
  }
  if (bundle['type'] !== 'collection') return ['Bundle.type: is not collection.'];
  if (textOf(bundle['timestamp']) === undefined) {
    return ['Bundle.timestamp: is missing: when the contents changed last.'];
  }
  const published = publishedIn(bundle);
  if (!published.some(({ type }) => type === 'Organization')) {
    return ['Bundle.entry: has no Organization.'];
  }
  return [
    ...published.flatMap((one) => faultsOf(one, published, base)),
    ...absenceFaults(bundle, 'Bundle'),
  ].slice(0, MOST);
}

/** The resources of the Bundle with their places. */
export function publishedIn(bundle: JsonObject): Published[] {
  return listOf(bundle['entry']).map((entry, at) => {
    const resource = isObject(entry['resource']) ? entry['resource'] : {};
    const type = String(resource['resourceType'] ?? '');
    const id = textOf(resource['id']) ?? '';
    const path = `Bundle.entry[${at}].resource`;
    return { path, type, id, fullUrl: textOf(entry['fullUrl']), resource };
  });
}

function faultsOf(one: Published, all: readonly Published[], base: string): string[] {
  const { path, type, id } = one;
  if (type !== 'Organization' && type !== 'Endpoint') {
    return [`${path}: is neither an Organization nor an Endpoint.`];
  }
  if (id === '') return [`${path}.id: is missing.`];
  const same = all.filter((other) => other.type === type && other.id === id);
  const found = type === 'Endpoint' ? endpointFaults(one, all, base) : brandFaultsOf(one, all);
  const texts = same.length > 1 ? ['.id: stands twice in the Bundle.', ...found] : found;
  return texts.map((text) => `${path}${text}`);
}

function brandFaultsOf({ resource }: Published, all: readonly Published[]): string[] {
  return [
    ...(textOf(resource['name']) === undefined ? ['.name: is missing: what people call it.'] : []),
    ...identifierFaults(resource),
    ...websiteFaults(resource),
    ...portalFaults(resource, all),
    ...logoFaults(resource),
    ...linkFaults(resource, all),
  ];
}

function identifierFaults({ identifier }: JsonObject): string[] {
  const list = listOf(identifier);
  const isSound = list.length > 0 && list.every(({ value }) => textOf(value) !== undefined);
  const hint = 'such as urn:ietf:rfc:3986 with https://hospital.example';
  return isSound ? [] : [`.identifier: is missing or has no value (${hint}).`];
}

/** The website for people, which is not the portal. */
function websiteFaults({ telecom }: JsonObject): string[] {
  const list = listOf(telecom);
  const [only = {}] = list;
  if (list.length !== 1 || only['system'] !== 'url') {
    return ['.telecom: is not exactly one, with the system url: the website for people.'];
  }
  const isSaid = isWebsite(only['value']) || isAbsent(only['_value']);
  return isSaid ? [] : ['.telecom[0].value: is no address of a website.'];
}

const isAbsent = (value: JsonValue | undefined): boolean =>
  isObject(value) && extensionsOf(value, ABSENT).length > 0;

/** A brand has a portal of its own, or belongs to one that has: no deeper. */
function portalFaults(resource: JsonObject, all: readonly Published[]): string[] {
  const portals = extensionsOf(resource, PORTAL);
  if (portals.length > 0) return portals.flatMap((one) => portalParts(one, resource));
  const { partOf } = resource;
  const above = isObject(partOf) ? targetOf(all, 'Organization', partOf['reference']) : undefined;
  if (above && extensionsOf(above.resource, PORTAL).length > 0) return [];
  return [`: has no extension ${PORTAL}, nor is it partOf an Organization here that has one.`];
}

const PARTS: Readonly<Record<string, string>> = {
  portalName: 'valueString',
  portalDescription: 'valueMarkdown',
  portalUrl: 'valueUrl',
  portalLogo: 'valueUrl',
  portalLogoLicense: 'valueUrl',
  portalEndpoint: 'valueReference',
};

function portalParts(portal: JsonObject, { endpoint }: JsonObject): string[] {
  const parts = listOf(portal['extension']);
  const known = listOf(endpoint).map(({ reference }) => reference);
  const wrong = parts.flatMap((part) => {
    const url = String(part['url']);
    const member = Object.hasOwn(PARTS, url) ? PARTS[url] : undefined;
    if (member === undefined) return [`.extension: ${url} is no part of a portal.`];
    const value = part[member];
    if (value === undefined && !isAbsent(part)) return [`.extension: ${url} has no ${member}.`];
    const { reference } = isObject(value) ? value : {};
    const isListed = url !== 'portalEndpoint' || known.includes(reference);
    return isListed ? [] : [`.extension: portalEndpoint ${reference} is not among its endpoints.`];
  });
  const leads = parts.some(({ url }) => url === 'portalEndpoint');
  return leads ? wrong : ['.extension: the portal has no portalEndpoint.', ...wrong];
}

/** Logos come from https or stand in the Bundle itself. */
function logoFaults(resource: JsonObject): string[] {
  const parts = [BRAND, PORTAL].flatMap((url) =>
    extensionsOf(resource, url).flatMap(({ extension }) => listOf(extension)),
  );
  const logos = parts.filter(({ url }) => url === 'brandLogo' || url === 'portalLogo');
  const bad = logos.find(({ valueUrl }) => !/^(https:\/\/|data:image\/)/.test(String(valueUrl)));
  return bad ? [`.extension: ${bad['url']} is no https: or data:image/ address.`] : [];
}

function linkFaults({ endpoint }: JsonObject, all: readonly Published[]): string[] {
  return listOf(endpoint).flatMap(({ reference }, at) =>
    targetOf(all, 'Endpoint', reference)
      ? []
      : [`.endpoint[${at}]: ${reference} is no Endpoint of this Bundle.`],
  );
}

/** What a reference within the Bundle leads to. */
function targetOf(
  all: readonly Published[],
  type: string,
  reference: JsonValue | undefined,
): Published | undefined {
  return all.find(
    (one) => one.type === type && (reference === `${type}/${one.id}` || reference === one.fullUrl),
  );
}

/** No other reasons for what is missing than that it was asked for in vain. */
function absenceFaults(value: JsonValue | undefined, path: string): string[] {
  if (Array.isArray(value)) return value.flatMap((one, at) => absenceFaults(one, `${path}[${at}]`));
  if (!isObject(value)) return [];
  const isOther = value['url'] === ABSENT && !ASKED.includes(String(value['valueCode']));
  const own = isOther ? [`${path}: only ${ASKED.join(' and ')} may be reasons here.`] : [];
  const below = Object.entries(value).flatMap(([name, one]) =>
    absenceFaults(one, `${path}.${name}`),
  );
  return [...own, ...below];
}

/**
 * The identifier of the primary brand: the one asked for (`system|value` or `value`), or that of the
 * only brand. It has to be that of exactly one Organization, whose endpoints hold this server.
 * @returns a text that says what is wrong, or the Identifier
 */
export function primaryOf(
  bundle: JsonObject,
  asked: string | undefined,
  base: string,
): JsonObject | string {
  const all = publishedIn(bundle);
  const brands = all.filter(({ type }) => type === 'Organization');
  if (asked === undefined && brands.length > 1) {
    return 'There are several Organizations: say by ?identifier=system|value which is the primary.';
  }
  const wanted = asked ?? printed(listOf(brands[0]?.resource['identifier'])[0] ?? {});
  const fitting = brands.flatMap((brand) => {
    const found = listOf(brand.resource['identifier']).find(
      (one) => printed(one) === wanted || one['value'] === wanted,
    );
    return found ? [{ brand, found }] : [];
  });
  const [only] = fitting;
  if (!only || fitting.length > 1) {
    return `The identifier ${wanted} is that of ${fitting.length} Organizations instead of one.`;
  }
  if (!leadsTo(only.brand, all, base)) {
    return `${only.brand.path}.endpoint: none has the address of this server, ${base}.`;
  }
  const { system, value } = only.found;
  return { ...(system !== undefined && { system }), value: value ?? '' };
}

const printed = ({ system, value }: JsonObject): string =>
  `${system === undefined ? '' : `${system}|`}${value}`;

function leadsTo({ resource }: Published, all: readonly Published[], base: string): boolean {
  const addresses = listOf(resource['endpoint']).map(({ reference }) =>
    String(targetOf(all, 'Endpoint', reference)?.resource['address'] ?? ''),
  );
  return addresses.some((address) => address.replace(/\/$/, '') === base);
}
