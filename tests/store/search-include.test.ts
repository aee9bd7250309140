import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Resource } from '../../server/fhir/types.ts';
import { actor, find, type OpenStores, openStores, put } from '../helpers/store.ts';

let open: OpenStores;
const PATIENTS = 400;
const refersTo = (reference: string) => ({ reference });
const code = { text: 'x' };

/** A patient with an encounter, an observation of it and a report of that; and many others. */
const resources: (Resource & { id: string })[] = [
  ...Array.from({ length: PATIENTS }, (_, n) => ({ resourceType: 'Patient', id: `p${n}` })),
  {
    ...{ resourceType: 'Encounter', id: 'e', status: 'finished', class: { code: 'AMB' } },
    subject: refersTo('Patient/p0'),
  },
  {
    ...{ resourceType: 'Observation', id: 'o', status: 'final', code },
    encounter: refersTo('Encounter/e'),
  },
  {
    ...{ resourceType: 'DiagnosticReport', id: 'r', status: 'final', code },
    result: [refersTo('Observation/o')],
  },
];

beforeAll(async () => {
  open = await openStores();
  await open.stores[0].commit(actor, resources.map(put));
});
afterAll(() => open.close());

async function included(text: string): Promise<{ ids: string[]; issues: unknown[] }> {
  const page = await find(open.stores[0], text);
  const ids = page.included.map(({ type, id }) => `${type}/${id}`).sort();
  return { ids, issues: page.issues.map((issue) => issue.diagnostics) };
}

describe('_revinclude=*', () => {
  it('finds what the parameters find that refer to the type', async () => {
    expect(await included('Patient?_id=p0&_revinclude=*')).toEqual({
      ...{ ids: ['Encounter/e'], issues: [] },
    });
    expect(await included('Patient?_id=p0&_revinclude:iterate=*')).toEqual({
      ...{ ids: ['DiagnosticReport/r', 'Encounter/e', 'Observation/o'], issues: [] },
    });
    expect(await included('DiagnosticReport?_id=r&_revinclude:iterate=*')).toEqual({
      ...{ ids: [], issues: [] },
    });
  });

  it('says so where there is too much to look up', async () => {
    const { issues } = await included(`Patient?_count=${PATIENTS}&_revinclude=*`);
    expect(issues).toEqual([expect.stringContaining('was not all looked up')]);
    const named = await included(`Patient?_count=${PATIENTS}&_revinclude=Encounter:subject`);
    expect(named).toEqual({ ids: ['Encounter/e'], issues: [] });
  });
});
