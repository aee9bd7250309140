import { encounter, observation, type Visit } from './clinical.ts';
import { laboratory, vitalSigns } from './codes.ts';
import { doctor, hospital, type Link, patient, type Resource } from './people.ts';
import { createRandom } from './random.ts';

/**
 * Bodies that the scenarios write. No measured search matches them: they have names, codes and a
 * year (1990) of their own, and no tag, so that a fast server is not punished by its own writes.
 */
export interface Template {
  readonly type: string;
  /** The resource as JSON with `n` in its identifier. */
  text(n: string): string;
}

const MARK = '@@N@@';
const LONG_AGO = Date.UTC(1990, 0, 2, 10);

function template(resource: Resource): Template {
  const [before = '', after = ''] = JSON.stringify(resource).split(MARK);
  return { type: resource.resourceType, text: (n) => before + n + after };
}

const identifier = (value: string): unknown => [{ system: 'urn:bench:id', value }];

export function patientTemplates(count: number): Template[] {
  return Array.from({ length: count }, (_, n) => template(writtenPatient(n)));
}

function writtenPatient(n: number): Resource {
  const name = [{ use: 'official', family: `Zzbench${n}`, given: ['Zz'] }];
  return { ...patient(createRandom(-1 - n), n), identifier: identifier(MARK), name };
}

/** Encounters of the given patients (`Patient/ID`), in turn. */
export function encounterTemplates(count: number, subjects: readonly string[]): Template[] {
  return Array.from({ length: count }, (_, n) => template(writtenEncounter(visitOf(n, subjects))));
}

export function observationTemplates(count: number, subjects: readonly string[]): Template[] {
  return Array.from({ length: count }, (_, n) =>
    template(writtenObservation(visitOf(n, subjects), n)),
  );
}

function visitOf(n: number, subjects: readonly string[]): Visit {
  const subject: Link = { reference: subjects[n % subjects.length] ?? '', display: 'Zz Zzbench' };
  const at = LONG_AGO + n * 3_600_000;
  const random = createRandom(-1000 - n);
  const staff = { doctor: doctor(10 * n + 1), hospital: hospital(n) }; // none of an emergency
  return { random, at, subject, encounter: { reference: '' }, ...staff };
}

const writtenEncounter = (visit: Visit, id = MARK): Resource => ({
  ...encounter(visit),
  identifier: identifier(id),
});

function writtenObservation(visit: Visit, n: number, id = MARK): Resource {
  const measures = [...vitalSigns, ...laboratory];
  const measure = measures[n % measures.length] ?? vitalSigns[0];
  if (!measure) throw new Error('no measures');
  const { encounter: _, ...rest } = observation(visit, 'exam', measure);
  const [code, display] = measure;
  return {
    ...rest,
    resourceType: 'Observation',
    identifier: identifier(id),
    code: { coding: [{ system: 'urn:bench:code', code, display }], text: display },
  };
}

/** A transaction of ten: a patient, an encounter and eight observations that refer to them. */
export function transactionTemplate(): Template {
  const urn = (n: number): string =>
    `urn:uuid:00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
  const visit = visitOf(0, [urn(0)]);
  const observations = Array.from({ length: 8 }, (_, n) => ({
    ...writtenObservation(visit, n, 'transaction'),
    encounter: { reference: urn(1) },
  }));
  const all = [writtenPatient(0), writtenEncounter(visit, 'transaction'), ...observations];
  const entry = all.map((resource, n) => ({
    fullUrl: urn(n),
    resource,
    request: { method: 'POST', url: resource.resourceType },
  }));
  return template({ resourceType: 'Bundle', type: 'transaction', entry });
}
