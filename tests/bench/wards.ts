import { type Client, faultOf } from './client.ts';
import { after, observation, type Visit } from './clinical.ts';
import { drugs, RXNORM, TERMINOLOGY, vitalSigns } from './codes.ts';
import type { Request } from './http.ts';
import type { Loaded, LoadedPatient } from './import.ts';
import { concept, doctor, hospital, type Resource } from './people.ts';
import { createRandom } from './random.ts';

/**
 * A hospital at work on top of the loaded records, so that what clinicians may see hangs on something:
 * who lies in which ward, who is in whose care team, who has an appointment today.
 */

const MOST_WARDS = 20;
const PATIENTS_A_WARD = 10;
const MOST_STAYS = 500;
const HOURS = 3_600_000;
/** Those of a care team or with an appointment: one in so many is the clinician's. */
const TEAMS = 60;

/** The clinician whose requests are measured: on duty in the first ward, of half of the hospitals. */
export const CLINICIAN = {
  fhirUser: 'Practitioner/bench-prac-0',
  branches: Array.from({ length: 10 }, (_, n) => `bench-org-${n}`),
};

/** A patient of the clinician, in a ward of one of their branches. */
export interface InCare {
  readonly patient: LoadedPatient;
  readonly stay: string;
  /** Ids of Observations of the stay. */
  readonly vitals: readonly string[];
}

interface Item {
  readonly resource: Resource & { id: string };
}

const put = ({ resource }: Item): unknown => ({
  resource,
  request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` },
});

const ref = (reference: string): { reference: string } => ({ reference });

/** Puts wards, stays, care teams and appointments in place; a second time changes nothing but dates. */
export async function loadWards(client: Client, { patients }: Loaded): Promise<InCare[]> {
  const inside = patients.slice(0, MOST_STAYS);
  const count = Math.max(1, Math.min(MOST_WARDS, Math.floor(inside.length / PATIENTS_A_WARD)));
  await send(client, wards(count));
  const cared: InCare[] = [];
  for (const [n, patient] of inside.entries()) {
    const items = ofPatient(n, patient, n % count);
    await send(client, items);
    const isOurs = CLINICIAN.branches.includes(hospital(n).reference.split('/')[1] as string);
    if (n % count !== 0 || !isOurs) continue;
    const vitals = items.flatMap(({ resource }) =>
      resource.resourceType === 'Observation' ? [resource.id] : [],
    );
    cared.push({ patient, stay: `bench-stay-${n}`, vitals });
  }
  return cared;
}

async function send(client: Client, items: readonly Item[]): Promise<void> {
  const bundle = { resourceType: 'Bundle', type: 'transaction', entry: items.map(put) };
  const request: Request = { method: 'POST', path: '', body: JSON.stringify(bundle) };
  const fault = faultOf(request, await client.call(request), true);
  if (fault !== undefined) throw new Error(`the wards cannot be loaded: ${fault}`);
}

const item = (resourceType: string, id: string, rest: object): Item => ({
  resource: { resourceType, id, ...rest },
});

function wards(count: number): Item[] {
  const all = Array.from({ length: count }, (_, n) =>
    item('Location', `bench-ward-${n}`, { status: 'active', name: `Ward ${n}` }),
  );
  const duty = item('PractitionerRole', 'bench-duty-0', {
    ...{ active: true, practitioner: ref(CLINICIAN.fhirUser) },
    location: [ref('Location/bench-ward-0')],
  });
  return [...all, duty];
}

/** A stay since two days with its vital signs and a prescription, a care team, an appointment today. */
function ofPatient(n: number, { id, family }: LoadedPatient, ward: number): Item[] {
  const now = Date.now();
  const visit: Visit = {
    ...{ random: createRandom(-9000 - n), at: now - 48 * HOURS },
    subject: { reference: `Patient/${id}`, display: family },
    encounter: ref(`Encounter/bench-stay-${n}`),
    ...{ doctor: doctor(n), hospital: hospital(n) },
  };
  const vitals = vitalSigns.map(
    (measure, k): Item => ({
      resource: { ...observation(visit, 'vital-signs', measure), id: `bench-vital-${n}-${k}` },
    }),
  );
  return [
    item('Encounter', `bench-stay-${n}`, stay(visit, ward)),
    ...vitals,
    item('MedicationRequest', `bench-order-${n}`, order(visit)),
    item('CareTeam', `bench-team-${n}`, {
      ...{ status: 'active', subject: visit.subject },
      participant: [{ member: ref(doctor(n % TEAMS).reference) }],
    }),
    item('Appointment', `bench-visit-${n}`, {
      ...{ status: 'booked', start: after({ ...visit, at: now }, 0) },
      end: after({ ...visit, at: now }, 15),
      participant: [
        { actor: visit.subject, status: 'accepted' },
        { actor: ref(doctor((7 * n) % TEAMS).reference), status: 'accepted' },
      ],
    }),
  ];
}

const stay = (visit: Visit, ward: number): object => ({
  ...{ status: 'in-progress', subject: visit.subject, serviceProvider: visit.hospital },
  class: { system: `${TERMINOLOGY}/v3-ActCode`, code: 'IMP', display: 'inpatient encounter' },
  period: { start: after(visit, 0) },
  location: [{ location: ref(`Location/bench-ward-${ward}`), status: 'active' }],
});

const order = (visit: Visit): object => ({
  ...{ status: 'active', intent: 'order', subject: visit.subject, encounter: visit.encounter },
  medicationCodeableConcept: concept(RXNORM, ...visit.random.pick(drugs)),
  ...{ authoredOn: after(visit, 30), requester: visit.doctor },
});
