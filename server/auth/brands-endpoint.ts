import { isObject } from '../fhir/json.ts';
import type { JsonObject, JsonValue } from '../fhir/types.ts';
import {
  EXTENSION,
  extensionsOf,
  isWebsite,
  listOf,
  type Published,
  textOf,
} from './brands-parts.ts';

/** The profile User Access Endpoint of SMART App Launch 2.2. */

const SYSTEMS = 'http://terminology.hl7.org/CodeSystem/';

/** What is wrong with an Endpoint of the Bundle; each begins with its element. */
export function endpointFaults(
  { resource, id, fullUrl }: Published,
  all: readonly Published[],
  base: string,
): string[] {
  const brands = all.filter(({ type }) => type === 'Organization');
  const links = brands.flatMap((one) => listOf(one.resource['endpoint']));
  const isLinked = links.some(({ reference }) =>
    [`Endpoint/${id}`, fullUrl].includes(textOf(reference)),
  );
  const faults: [boolean, string][] = [
    [isLinked, ': no Organization here has it among its endpoints.'],
    [isAddress(resource['address'], base), '.address: is no https address of a FHIR server.'],
    [
      isCoding(resource['connectionType'], 'endpoint-connection-type', 'hl7-fhir-rest'),
      '.connectionType: is not hl7-fhir-rest.',
    ],
    [
      hasVersion(resource),
      `.extension: ${EXTENSION}endpoint-fhir-version is missing, such as 4.0.1.`,
    ],
    [
      listOf(resource['contact']).some(isForDevelopers),
      '.contact: has no https address (system url) where developers of apps get access.',
    ],
    [isPayloadNone(resource), '.payloadType: is not exactly one, with the code none.'],
  ];
  return faults.filter(([isSound]) => !isSound).map(([, text]) => text);
}

/** Our own may be plain http, on a machine for trying out. */
const isAddress = (address: JsonValue | undefined, base: string): boolean =>
  isWebsite(address) &&
  (String(address).startsWith('https:') || String(address).replace(/\/$/, '') === base);

function isCoding(value: JsonValue | undefined, system: string, code: string): boolean {
  return isObject(value) && value['system'] === `${SYSTEMS}${system}` && value['code'] === code;
}

const hasVersion = (resource: JsonObject): boolean =>
  extensionsOf(resource, `${EXTENSION}endpoint-fhir-version`).some(
    ({ valueCode }) => textOf(valueCode) !== undefined,
  );

const isForDevelopers = ({ system, value }: JsonObject): boolean =>
  system === 'url' && isWebsite(value) && String(value).startsWith('https:');

function isPayloadNone({ payloadType }: JsonObject): boolean {
  const list = listOf(payloadType);
  const codings = listOf(list[0]?.['coding']);
  return list.length === 1 && codings.some((one) => isCoding(one, 'endpoint-payload-type', 'none'));
}
