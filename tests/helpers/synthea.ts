import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { JsonObject, RawNumber } from '../../server/fhir/types.ts';

/**
 * Files of the kind that Synthea writes, made up here: information on hospitals and practitioners as
 * batches of conditional creates, and patients as transactions that refer to them by criteria.
 */
const NPI = 'http://hl7.org/fhir/sid/us-npi';
const HOSPITALS = 'https://github.com/synthetichealth/synthea';

/** A UUID that depends on the name only. */
export function uuid(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
}

const urn = (name: string): string => `urn:uuid:${uuid(name)}`;
/** Synthea writes decimals that JavaScript would shorten. */
const decimal = (text: string): RawNumber =>
  (JSON as unknown as { rawJSON(text: string): RawNumber }).rawJSON(text);

const conditional = (resource: JsonObject, name: string, query: string): JsonObject => ({
  fullUrl: urn(name),
  resource: { id: uuid(name), ...resource },
  request: { method: 'POST', url: resource['resourceType'] as string, ifNoneExist: query },
});

const created = (resource: JsonObject, name: string): JsonObject => ({
  fullUrl: urn(name),
  resource: { id: uuid(name), ...resource },
  request: { method: 'POST', url: resource['resourceType'] as string },
});

export function hospitals(count: number): JsonObject {
  const entry = Array.from({ length: count }, (_, n) => {
    const identifier = [{ system: HOSPITALS, value: uuid(`hospital ${n}`) }];
    const resource = { resourceType: 'Organization', identifier, active: true, name: `H ${n}` };
    return conditional(resource, `hospital ${n}`, query(HOSPITALS, uuid(`hospital ${n}`)));
  });
  return { resourceType: 'Bundle', type: 'batch', entry };
}

export function practitioners(count: number): JsonObject {
  const entry = Array.from({ length: count }, (_, n) => {
    const identifier = [{ system: NPI, value: `999${n}` }];
    const name = [{ family: `Fisher${n}`, given: ['Janette'], prefix: ['Dr.'] }];
    const resource = { resourceType: 'Practitioner', identifier, active: true, name };
    return conditional(resource, `practitioner ${n}`, query(NPI, `999${n}`));
  });
  return { resourceType: 'Bundle', type: 'batch', entry };
}

const query = (system: string, value: string): string => `identifier=${system}|${value}`;

export interface PatientOptions {
  encounters: number;
  /** How many hospitals and practitioners there are to refer to; 0: by none. */
  providers: number;
}

/**
 * One patient: per encounter an Observation and a claim with its benefit, which refers to the
 * patient from a contained resource; and a Provenance whose targets are all of them.
 */
export function patient(n: number, { encounters, providers }: PatientOptions): JsonObject {
  const who = `patient ${n}`;
  const subject = { reference: urn(who) };
  const entry = [created(person(n, who), who)];
  for (let e = 0; e < encounters; e++) {
    const at = `${who} encounter ${e}`;
    const pick = providers === 0 ? undefined : (n + e) % providers;
    entry.push(created(encounter(subject, pick), at));
    entry.push(created(observation(subject, { reference: urn(at) }, e), `${at} observation`));
    entry.push(created(benefit(subject, urn(at)), `${at} benefit`));
  }
  const target = entry.map(({ fullUrl }) => ({ reference: fullUrl }) as JsonObject);
  entry.push(created(provenance(target), `${who} provenance`));
  return { resourceType: 'Bundle', type: 'transaction', entry };
}

const person = (n: number, who: string): JsonObject => ({
  resourceType: 'Patient',
  text: {
    status: 'generated',
    div: `<div xmlns="http://www.w3.org/1999/xhtml">See <a href="${urn(who)}">the record</a></div>`,
  },
  identifier: [{ system: HOSPITALS, value: uuid(who) }],
  name: [{ use: 'official', family: `Ärztin${n}`, given: ['Zoë'] }],
  gender: n % 2 === 0 ? 'female' : 'male',
  birthDate: `19${50 + (n % 50)}-02-28`,
  _birthDate: { extension: [{ url: 'http://example.org/exact', valueBoolean: true }] },
});

function encounter(subject: JsonObject, provider: number | undefined): JsonObject {
  const by = (type: string, criteria: string): JsonObject => ({ reference: `${type}?${criteria}` });
  const providers: JsonObject =
    provider === undefined
      ? {}
      : {
          participant: [{ individual: by('Practitioner', query(NPI, `999${provider}`)) }],
          serviceProvider: by('Organization', query(HOSPITALS, uuid(`hospital ${provider}`))),
        };
  return {
    resourceType: 'Encounter',
    status: 'finished',
    class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
    subject,
    ...providers,
    period: { start: '2020-01-31T10:00:00+01:00', end: '2020-01-31T10:15:00+01:00' },
  };
}

const observation = (subject: JsonObject, met: JsonObject, n: number): JsonObject => ({
  resourceType: 'Observation',
  meta: { profile: ['http://hl7.org/fhir/StructureDefinition/heartrate'] },
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }], text: 'Heart rate' },
  subject,
  encounter: met,
  effectiveDateTime: '2020-01-31T10:00:00.000+01:00',
  valueQuantity: { value: decimal(`${60 + (n % 40)}.00`), unit: '/min' },
});

const benefit = (subject: JsonObject, met: string): JsonObject => ({
  resourceType: 'ExplanationOfBenefit',
  contained: [
    {
      resourceType: 'ServiceRequest',
      id: 'referral',
      status: 'completed',
      intent: 'order',
      subject,
    },
  ],
  status: 'active',
  type: { text: 'professional' },
  use: 'claim',
  patient: subject,
  created: '2020-01-31T10:15:00+01:00',
  insurer: { display: 'NO_INSURANCE' },
  provider: { display: 'Unknown' },
  referral: { reference: '#referral' },
  outcome: 'complete',
  insurance: [{ focal: true, coverage: { display: 'NO_INSURANCE' } }],
  item: [
    {
      sequence: 1,
      productOrService: { text: 'Encounter' },
      encounter: [{ reference: met }],
      net: { value: decimal('129.160'), currency: 'USD' },
    },
  ],
});

const provenance = (target: JsonObject[]): JsonObject => ({
  resourceType: 'Provenance',
  target,
  recorded: '2020-02-01T00:00:00Z',
  agent: [{ who: { display: 'Synthea' } }],
});

/** Writes Bundles as `name.json` or `name.json.gz`, as the name says. */
export function writeBundles(folder: string, bundles: Record<string, JsonObject>): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, bundle] of Object.entries(bundles)) {
    const text = JSON.stringify(bundle, null, 2);
    writeFileSync(join(folder, name), name.endsWith('.gz') ? gzipSync(text) : text);
  }
}
