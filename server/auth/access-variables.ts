import { parseJson } from '../fhir/json.ts';
import { parseQuery } from '../fhir/query-parse.ts';
import { isId, parseReference } from '../fhir/reference.ts';
import type { JsonObject } from '../fhir/types.ts';
import type { Actor } from '../store/store.ts';
import type { Variable, Variables } from './access-criteria.ts';
import type { AuthService } from './types.ts';

/**
 * What the variables of rules stand for:
 * - `%user`: who it is in FHIR, for practitioners also their PractitionerRoles at present;
 * - `%own`: the Patients that the user is, or acts for as a RelatedPerson;
 * - `%patient`: the patient of the launch;
 * - `%branch`: the user's branches and the Organizations below them;
 * - `%ward`: the Locations of the PractitionerRoles, and those below them;
 * - `%today`: the day, in the server's zone.
 */

export interface Person {
  /** `Practitioner/1`, ..; a system may be a `Device/1` or an `Organization/1`. */
  fhirUser: string | undefined;
  /** Ids of Organizations. */
  branches: readonly string[];
  /** Id of the Patient of the launch. */
  patient: string | undefined;
}

/** More than this is taken of none; what is left out gives nothing. */
const MOST = 1000;
const DAY = 10;
const MINUTE_MS = 60_000;

/** It looks on behalf of the rules, before anybody's access is known. */
const rules: Actor = { kind: 'system', name: 'access rules' };

/** Looks up those variables that rules use; the others are empty. */
export async function loadVariables(
  service: AuthService,
  person: Person,
  used: ReadonlySet<Variable>,
): Promise<Variables> {
  const self = localOf(service, person.fhirUser);
  const duties = used.has('user') || used.has('ward') ? await dutiesOf(service, self) : [];
  const [own, branch, ward] = await Promise.all([
    used.has('own') ? ownPatients(service, self) : [],
    used.has('branch')
      ? below(service, 'Organization', person.branches.filter(isId).map(organization))
      : [],
    used.has('ward') ? below(service, 'Location', wardsOf(service, duties)) : [],
  ]);
  return {
    ...{ own, branch, ward },
    user: self ? [self, ...duties.map(({ id }) => `PractitionerRole/${id}`)] : [],
    patient: person.patient === undefined ? [] : [`Patient/${person.patient}`],
    today: [today(service)],
  };
}

const organization = (id: string): string => `Organization/${id}`;

const today = ({ now, config }: AuthService): string =>
  new Date(now() + config.zone * MINUTE_MS).toISOString().slice(0, DAY);

/** A reference to a resource of this server, without version; undefined where it is none. */
function localOf({ config }: AuthService, reference: unknown): string | undefined {
  if (typeof reference !== 'string') return undefined;
  const found = parseReference(reference, { bases: [config.base] });
  return found.kind === 'relative' ? `${found.type}/${found.id}` : undefined;
}

/** PractitionerRoles of a practitioner that are active today. */
async function dutiesOf(service: AuthService, self: string | undefined): Promise<JsonObject[]> {
  if (!self?.startsWith('Practitioner/')) return [];
  const found = await search(service, 'PractitionerRole', [['practitioner', self]]);
  return found.filter((role) => isCurrent(service, role));
}

/** Whether `active` and `period` do not say otherwise. */
function isCurrent(service: AuthService, { active, period }: JsonObject): boolean {
  const { start, end } = (period ?? {}) as JsonObject;
  const day = today(service);
  const begun = typeof start !== 'string' || start.slice(0, DAY) <= day;
  const over = typeof end === 'string' && end < day.slice(0, end.length);
  return active !== false && begun && !over;
}

function wardsOf(service: AuthService, duties: readonly JsonObject[]): string[] {
  const references = duties.flatMap(({ location }) => (Array.isArray(location) ? location : []));
  return references.flatMap((one) => localOf(service, (one as JsonObject)['reference']) ?? []);
}

async function ownPatients(service: AuthService, self: string | undefined): Promise<string[]> {
  if (self?.startsWith('Patient/')) return [self];
  if (!self?.startsWith('RelatedPerson/')) return [];
  const found = await search(service, 'RelatedPerson', [
    ['_id', self.slice(self.indexOf('/') + 1)],
  ]);
  return found
    .filter((relation) => isCurrent(service, relation))
    .flatMap(
      ({ patient }) => localOf(service, (patient as JsonObject | undefined)?.['reference']) ?? [],
    )
    .filter((reference) => reference.startsWith('Patient/'));
}

/** The resources themselves and all that are part of them (R4 3.1.1.4.14), as references. */
async function below(
  service: AuthService,
  type: 'Organization' | 'Location',
  references: readonly string[],
): Promise<string[]> {
  const parts = await Promise.all(
    references.map((one) => search(service, type, [['partof:below', one]])),
  );
  return [...new Set([...references, ...parts.flat().map(({ id }) => `${type}/${id}`)])];
}

async function search(
  { store, config, now }: AuthService,
  type: string,
  params: readonly (readonly [string, string])[],
): Promise<JsonObject[]> {
  const query = parseQuery({
    ...{ definitions: store.definitions, bases: [config.base], zone: config.zone, now: now() },
    ...{ types: [type], params, lenient: false, count: MOST, maxCount: MOST },
  });
  const { matches } = await store.search(rules, query);
  return matches.map(({ content }) => parseJson(content) as JsonObject);
}
