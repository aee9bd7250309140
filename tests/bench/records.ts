import { claim, explanationOfBenefit } from './billing.ts';
import {
  bloodPressure,
  condition,
  diagnosticReport,
  encounter,
  immunization,
  medicationRequest,
  observation,
  procedure,
  type Visit,
  watchList,
} from './clinical.ts';
import { diabetic, laboratory, vitalSigns } from './codes.ts';
import { doctor, hospital, type Link, MRN, patient, type Resource } from './people.ts';
import { createRandom, type Random } from './random.ts';

/** One patient's record as a transaction, and what searches for it must find. */
export interface PatientRecord {
  /** The Bundle as JSON; its first entry is the Patient, the second an Encounter, the last a List. */
  readonly text: string;
  /** Bytes of the resources alone, without the bundle around them. */
  readonly jsonBytes: number;
  readonly about: About;
}

/** What is known of a record besides the ids that the server gives. */
export interface About {
  /** `system|value`. */
  readonly identifier: string;
  readonly family: string;
  readonly resources: number;
  readonly vitals: number;
  /** How many of each `Type` and of each `Type|code`. */
  readonly counts: ReadonlyMap<string, number>;
  /** Resources in the compartment of the first visit's Encounter, itself included. */
  readonly firstVisit: number;
  /** Entries of its List. */
  readonly listed: number;
}

/** Visits are spread evenly over these years, so that half of them are later than MIDDLE. */
const FIRST = Date.UTC(2010, 0, 1);
const LAST = Date.UTC(2025, 0, 1);
export const MIDDLE = '2017-07-01';

const LISTED = 10;

/** One record in so many has a thousand resources at least, however few are loaded. */
const LARGE_EVERY = 100;
const LARGE_VISITS = 72;

interface Item {
  readonly url: string;
  readonly resource: Resource;
}

/**
 * The record of patient number `index`, the same on every machine: like Synthea's in types and
 * sizes, some 380 resources (30 to 1,500) of 2 kB in the mean. The first one is a large one.
 */
export function patientRecord(index: number): PatientRecord {
  const random = createRandom(index + 1);
  const person = { url: `urn:uuid:${random.uuid()}`, resource: patient(random, index) };
  const [name] = person.resource.name as [{ family: string; given: [string] }];
  const { family } = name;
  const subject = { reference: person.url, display: `${name.given[0]} ${family}` };
  const isDiabetic = random.chance(0.4);
  const drawn = 3 + Math.floor(-Math.log(1 - random.next() * 0.98) * 23);
  const count = index % LARGE_EVERY === 0 ? LARGE_VISITS : drawn;
  const visits = Array.from({ length: count }, () =>
    visitItems(visitOf(random, subject), isDiabetic),
  );
  const items = [person, ...visits.flat()];
  const listed = items.filter(({ resource }) => isA('Observation', resource)).slice(0, LISTED);
  const watched = watchList(
    subject,
    listed.map(({ url }) => url),
  );
  const all = [...items, { url: `urn:uuid:${random.uuid()}`, resource: watched }];
  return { ...transaction(all), about: aboutOf(all, { index, family, visits }) };
}

const isA = (type: string, { resourceType }: Resource): boolean => resourceType === type;

/** R4 files every type of a visit under its Encounter, but Immunization. */
const isOfVisit = ({ resource }: Item): boolean => !isA('Immunization', resource);

function aboutOf(
  items: readonly Item[],
  { index, family, visits }: { index: number; family: string; visits: readonly Item[][] },
): About {
  const counts = new Map<string, number>();
  const add = (key: string): Map<string, number> => counts.set(key, (counts.get(key) ?? 0) + 1);
  for (const { resource } of items) {
    add(resource.resourceType);
    const { coding } = (resource.code ?? {}) as { coding?: [{ code: string }] };
    if (coding) add(`${resource.resourceType}|${coding[0].code}`);
  }
  const observations = counts.get('Observation') ?? 0;
  return {
    ...{ family, counts, resources: items.length },
    identifier: `${MRN}|MRN-${String(index).padStart(9, '0')}`,
    vitals: items.filter(({ resource }) => isVital(resource)).length,
    firstVisit: visits[0]?.filter(isOfVisit).length ?? 0,
    listed: Math.min(observations, LISTED),
  };
}

function visitOf(random: Random, subject: Link): Visit & { url: string } {
  const url = `urn:uuid:${random.uuid()}`;
  const at = Math.floor((FIRST + random.next() * (LAST - FIRST)) / 60_000) * 60_000;
  const staff = random.int(0, 1000);
  return {
    ...{ random, at, subject, url, encounter: { reference: url } },
    ...{ doctor: doctor(staff), hospital: hospital(staff) },
  };
}

/** About 15 resources: nine observations, one or two bills, and some of everything else. */
function visitItems(visit: Visit & { url: string }, isDiabetic: boolean): Item[] {
  const { random } = visit;
  const list: Item[] = [{ url: visit.url, resource: encounter(visit) }];
  const add = (resource: Resource): string => {
    const url = `urn:uuid:${random.uuid()}`;
    list.push({ url, resource });
    return url;
  };
  for (const measure of vitalSigns) {
    if (random.chance(0.45)) add(observation(visit, 'vital-signs', measure));
  }
  add(bloodPressure(visit));
  const results = random.chance(0.75) ? panel(visit, add, isDiabetic) : [];
  if (results.length > 0) add(diagnosticReport(visit, results));
  if (random.chance(0.8)) add(condition(visit));
  if (random.chance(0.9)) add(procedure(visit));
  if (random.chance(0.7)) add(medicationRequest(visit));
  if (random.chance(0.5)) add(immunization(visit));
  if (random.chance(0.6)) add(explanationOfBenefit(visit, add(claim(visit))));
  return list;
}

function panel(visit: Visit, add: (one: Resource) => string, isDiabetic: boolean): string[] {
  const chosen = laboratory.filter(() => visit.random.chance(0.32));
  return [...chosen, ...(isDiabetic ? diabetic : [])].map((measure) =>
    add(observation(visit, 'laboratory', measure)),
  );
}

const isVital = ({ resourceType, category }: Resource): boolean =>
  resourceType === 'Observation' && JSON.stringify(category).includes('vital-signs');

function transaction(list: readonly Item[]): { text: string; jsonBytes: number } {
  let jsonBytes = 0;
  const entries = list.map(({ url, resource }) => {
    const text = JSON.stringify(resource);
    jsonBytes += Buffer.byteLength(text);
    const { resourceType } = resource;
    const request = `{"method":"POST","url":"${resourceType}"}`;
    return `{"fullUrl":"${url}","resource":${text},"request":${request}}`;
  });
  const text = `{"resourceType":"Bundle","type":"transaction","entry":[${entries.join(',')}]}`;
  return { text, jsonBytes };
}
