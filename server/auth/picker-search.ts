import type { Agent, Trail } from '../audit/audit.ts';
import { FhirError } from '../fhir/error.ts';
import { parseJson } from '../fhir/json.ts';
import { parseQuery } from '../fhir/query-parse.ts';
import type { JsonObject } from '../fhir/types.ts';
import type { Actor } from '../store/store.ts';
import { accessOf, type ElementAccess } from './access.ts';
import type { AuthService, LaunchContext, Session } from './types.ts';

/** What the pickers show: only what the user may see, found by searches of their own access. */

/** One to pick. */
export interface Choice {
  id: string;
  name: string;
  /** What tells it from others of the name. */
  details: string;
}

export interface Choices {
  choices: Choice[];
  /** There are others. */
  more: boolean;
}

const COUNT = 20;

export type Params = (readonly [name: string, value: string])[];

/** What the user's roles let them read, as no app stands between. */
const ownAccess = (
  service: AuthService,
  { user }: Session,
  emergency?: string,
): Promise<ElementAccess> => {
  const context = emergency === undefined ? {} : { patient: emergency };
  const purpose = emergency === undefined ? undefined : 'BTG';
  return accessOf(service, { grant: { context }, scope: 'user/*.rs', user, purpose });
};

/**
 * Patients whose names and identifiers begin with the words of `text`; of any name where it is
 * empty. Records merged into another are left out.
 */
export async function findPatients(
  service: AuthService,
  session: Session,
  text: string,
): Promise<Choices> {
  const all = await find(service, session, { type: 'Patient', params: patientParams(text) });
  const patients = all.filter((patient) => !isMerged(patient)).map(patientChoice);
  return { choices: patients.slice(0, COUNT), more: all.length > COUNT };
}

/**
 * The patient by id, as a choice; undefined where the user may not see it, also for this purpose, or
 * it was merged.
 */
export async function patientById(
  service: AuthService,
  session: Session,
  ...[id, purpose]: [id: string, purpose?: LaunchContext['purpose']]
): Promise<Choice | undefined> {
  const emergency = purpose && id;
  const params: Params = [['_id', escaped(id)]];
  const [patient] = await find(service, session, { type: 'Patient', params, emergency });
  return patient && !isMerged(patient) ? patientChoice(patient) : undefined;
}

/** Encounters of the patient, the latest first; with `id` only that one. */
export async function findEncounters(
  service: AuthService,
  session: Session,
  { patient, id, purpose }: { patient: string; id?: string; purpose?: LaunchContext['purpose'] },
): Promise<Choices> {
  const params: Params = [['patient', escaped(patient)]];
  if (id === undefined) params.push(['_sort', '-date']);
  else params.push(['_id', escaped(id)]);
  const emergency = purpose && patient;
  const all = await find(service, session, { type: 'Encounter', params, emergency });
  return { choices: all.slice(0, COUNT).map(encounterChoice), more: all.length > COUNT };
}

/** Words with digits are identifiers or dates of birth, others belong to the name. */
function patientParams(text: string): Params {
  const words = text.split(/\s+/).filter((word) => word !== '');
  return words.slice(0, 8).map((word) => {
    if (/^\d{4}(-\d\d){0,2}$/.test(word) && words.length > 1) return ['birthdate', word];
    if (/^\d{4}-\d\d(-\d\d)?$/.test(word)) return ['birthdate', word];
    return [/\d/.test(word) ? 'identifier' : 'name', escaped(word)];
  });
}

/** R4 3.1.1.4.0.2: what would separate values. */
const escaped = (value: string): string => value.replace(/[\\,$|]/g, '\\$&');

interface Wanted {
  type: string;
  params: Params;
  /** Id of the patient for whom the glass was broken. */
  emergency?: string | undefined;
}

/** What the pickers show is noted as any other search. */
const trailOf = (agent: Agent, emergency: string | undefined): Trail => ({
  agent: emergency === undefined ? agent : { ...agent, purpose: 'BTG' },
});

async function find(
  service: AuthService,
  session: Session,
  { type, params, emergency }: Wanted,
): Promise<JsonObject[]> {
  const access = await ownAccess(service, session, emergency);
  const trail = session.agent && trailOf(session.agent, emergency);
  const actor: Actor = { kind: 'user', name: session.user.id, access, ...(trail && { trail }) };
  return found(service, actor, type, params);
}

/** A resource as the actor may see it, and among those that fit `where`; undefined where not. */
export async function visible(
  service: AuthService,
  actor: Actor,
  { type, id, where = [] }: { type: string; id: string; where?: Params },
): Promise<JsonObject | undefined> {
  const [one] = await found(service, actor, type, [
    ['_id', escaped(id)],
    ...where.map(([name, value]) => [name, escaped(value)] as const),
  ]);
  return one && !isMerged(one) ? one : undefined;
}

/** What the actor may see of what fits; nothing where that cannot be asked. */
export async function found(
  service: AuthService,
  actor: Actor,
  ...[type, params]: [string, Params]
): Promise<JsonObject[]> {
  const { store, config } = service;
  try {
    const query = parseQuery({
      ...{
        definitions: store.definitions,
        bases: [config.base],
        zone: config.zone,
        now: service.now(),
      },
      ...{ types: [type], params, lenient: false, count: COUNT + 1, maxCount: COUNT + 1 },
    });
    const { matches } = await store.search(actor, query);
    return matches.map(({ content }) => parseJson(content) as JsonObject);
  } catch (error) {
    // Typed by a person, or a type that their roles do not have: there is nothing to pick.
    if (error instanceof FhirError && (error.kind === 'invalid' || error.kind === 'forbidden')) {
      return [];
    }
    throw error;
  }
}

const isMerged = (patient: JsonObject): boolean =>
  listOf(patient['link']).some(({ type }) => type === 'replaced-by');

const listOf = (value: unknown): JsonObject[] => (Array.isArray(value) ? value : []);

const joined = (parts: readonly unknown[], separator: string): string =>
  parts.filter((part) => typeof part === 'string' && part !== '').join(separator);

/** A Patient as one to pick. */
export function patientChoice(patient: JsonObject): Choice {
  const names = listOf(patient['name']);
  const [best = {}] = [...names.filter(({ use }) => use === 'official'), ...names];
  const given = Array.isArray(best['given']) ? best['given'] : [];
  const name = joined([best['text'] ?? joined([...given, best['family']], ' ')], '');
  const [identifier = {}] = listOf(patient['identifier']);
  const born = typeof patient['birthDate'] === 'string' ? `born ${patient['birthDate']}` : '';
  const details = joined([born, patient['gender'], identifier['value']], ', ');
  return { id: String(patient['id']), name: name || 'Patient without a name', details };
}

function encounterChoice(encounter: JsonObject): Choice {
  const { start } = (encounter['period'] ?? {}) as JsonObject;
  const [type = {}] = listOf(encounter['type']);
  const [coding = {}] = listOf(type['coding']);
  const kind = (encounter['class'] ?? {}) as JsonObject;
  const name = joined([type['text'] ?? coding['display'] ?? kind['display'] ?? kind['code']], '');
  const day = typeof start === 'string' ? start.slice(0, 16).replace('T', ' ') : '';
  const details = joined([day, encounter['status']], ', ');
  return { id: String(encounter['id']), name: name || 'Visit', details };
}
