import type { Ask } from '../helpers/http.ts';

/** What each interaction leaves in the audit journal, and what a refusal leaves. */

const ref = (reference: string) => ({ reference });
export const patient = (id: string, more = {}) => ({ resourceType: 'Patient', id, ...more });
export const observation = (id: string, of: string, more = {}) => ({
  ...{ resourceType: 'Observation', id, status: 'final', code: { text: 'x' } },
  ...{ subject: ref(`Patient/${of}`), ...more },
});
export const isNew = ({ id: _, ...resource }: { id: string; [name: string]: unknown }) => resource;

const CODED = { code: { coding: [{ code: 'many' }] } };

/** What is there before. */
export const world = [
    patient('p1', { identifier: [{ system: 'urn:mrn', value: '1' }] }),
    patient('p2'),
    ...['doomed', 'patched', 'updated', 'moving'].map((id) => observation(id, 'p1')),
    ...['many-1', 'many-2'].map((id) => observation(id, id.replace('many-', 'p'), CODED)),
    observation('o1', 'p1', { hasMember: [ref('Observation/o2')] }),
    observation('o2', 'p2'),
    { resourceType: 'Organization', id: 'org', name: 'Org' },
];

/** An attempt, the status of its answer, and its events as `told` tells them. */
export type Row = [what: string, url: string, request: Ask, status: number, ...events: string[]];

export const json = (method: string, body: object, headers = {}): Ask => ({
  ...{ method, body: body as never, headers },
});
const form = (body: string): Ask => ({
  ...{ method: 'POST', body, headers: { 'Content-Type': 'application/x-www-form-urlencoded' } },
});
const jsonPatch = (...steps: object[]): Ask => ({
  ...{ method: 'PATCH', body: JSON.stringify(steps) },
  headers: { 'Content-Type': 'application/json-patch+json' },
});
export const bundle = (type: string, ...entry: object[]): Ask =>
  json('POST', { resourceType: 'Bundle', type, entry });
export const entryOf = (method: string, url: string, resource?: object) => ({
  ...{ request: { method, url } },
  ...(resource && { resource }),
});
const unless = { 'If-None-Exist': 'identifier=urn:mrn|1' };
const never = { 'If-None-Exist': 'identifier=urn:mrn|9' };

/** In this order: each follows what those before it left. */
export const WRITES: Row[] = [
  ['a create', 'Observation', json('POST', isNew(observation('', 'p1'))), 201, '0 create *@1 [p1]'],
  [
    ...(['a conditional create', 'Patient', json('POST', isNew(patient('')), never), 201] as const),
    '0 create *@1 [*]',
  ],
  [
    ...(['one that finds the resource there', 'Patient'] as const),
    ...([json('POST', isNew(patient('')), unless), 200] as const),
    '0 create Patient/p1@1 [p1] Patient?identifier=urn:mrn|1 Nothing was changed.',
  ],
  [
    ...(['an update', 'Observation/updated'] as const),
    ...([json('PUT', observation('updated', 'p1', CODED)), 200] as const),
    '0 update Observation/updated@2 [p1]',
  ],
  [
    ...(['an update that changes nothing', 'Observation/updated'] as const),
    ...([json('PUT', observation('updated', 'p1', CODED)), 200] as const),
    '0 update Observation/updated@2 [p1] Nothing was changed.',
  ],
  [
    ...(['an update to another patient', 'Observation/moving'] as const),
    ...([json('PUT', observation('moving', 'p2')), 200] as const),
    '0 update Observation/moving@2 [p1,p2]',
  ],
  [
    ...(['an update that creates', 'Observation/fresh'] as const),
    ...([json('PUT', observation('fresh', 'p2')), 201] as const),
    '0 create Observation/fresh@1 [p2]',
  ],
  [
    ...(['a patch', 'Observation/patched'] as const),
    ...([jsonPatch({ op: 'replace', path: '/status', value: 'amended' }), 200] as const),
    '0 patch Observation/patched@2 [p1]',
  ],
  [
    ...(['a delete', 'Observation/doomed', { method: 'DELETE' }, 204] as const),
    '0 delete Observation/doomed@2 [p1]',
  ],
  [
    ...(['a delete of what is gone', 'Observation/doomed', { method: 'DELETE' }, 204] as const),
    '0 delete Observation/doomed [] Nothing was changed.',
  ],
  [
    ...(['a conditional delete of two', 'Observation?code=many&status=final'] as const),
    ...([{ method: 'DELETE' }, 204] as const),
    '0 delete Observation/updated@3 [p1]',
    ...['0 delete Observation/many-1@2 [p1]', '0 delete Observation/many-2@2 [p2]'],
  ],
  [
    ...([
      'a conditional delete of none',
      'Observation?code=many',
      { method: 'DELETE' },
      204,
    ] as const),
    '0 delete Observation [] Observation?code=many Nothing was changed.',
  ],
  [
    ...(['a transaction', ''] as const),
    bundle(
      'transaction',
      entryOf('DELETE', 'Observation/fresh'),
      entryOf('PUT', 'Organization/other', {
        resourceType: 'Organization',
        id: 'other',
        name: 'B',
      }),
      entryOf('GET', 'Patient/p1'),
    ),
    200,
    ...['0 delete Observation/fresh@2 [p2]', '0 create Organization/other@1 []'],
    '0 read Patient/p1@1 [p1]',
  ],
];

export const READS: Row[] = [
  ['a read', 'Observation/o1', {}, 200, '0 read Observation/o1@1 [p1]'],
  ['a HEAD', 'Observation/o1', { method: 'HEAD' }, 200, '0 read Observation/o1@1 [p1]'],
  [
    ...(['a read of what the caller has', 'Observation/o1'] as const),
    ...([{ headers: { 'If-None-Match': 'W/"1"' } }, 304, '0 read Observation/o1@1 [p1]'] as const),
  ],
  ['a read of nobody’s', 'Organization/org', {}, 200, '0 read Organization/org@1 []'],
  [
    ...(['a vread', 'Observation/moving/_history/1', {}, 200] as const),
    '0 vread Observation/moving@1 [p1]',
  ],
  [
    ...(['an instance history', 'Observation/moving/_history', {}, 200] as const),
    '0 history Observation/moving [p1,p2] Observation/moving/_history',
  ],
  [
    ...(['a type history', 'Patient/_history?_count=10', {}, 200] as const),
    '0 history Patient [*,p1,p2] Patient/_history?_count=10',
  ],
  [
    ...(['a search', 'Observation?subject=Patient/p1&_id=o1', {}, 200] as const),
    '0 search Observation [p1] Observation?subject=Patient/p1&_id=o1',
  ],
  [
    ...(['a search by POST', 'Observation/_search?_count=5', form('_id=o1%2Co2'), 200] as const),
    '0 search Observation [p1,p2] Observation/_search?_count=5&_id=o1,o2',
  ],
  [
    ...(['an include of another patient', 'Observation?_id=o1&_include=*', {}, 200] as const),
    '0 search Observation [p1,p2] Observation?_id=o1&_include=*',
  ],
  [
    ...(['a search without matches', 'Observation?_id=none', {}, 200] as const),
    '0 search Observation [] Observation?_id=none',
  ],
  [
    ...(['a search of the system', '?_type=Patient,Organization&_id=p1,org', {}, 200] as const),
    '0 search [p1] ?_type=Patient,Organization&_id=p1,org',
  ],
  [
    ...(['a compartment', 'Patient/p2/Observation?_id=o2', {}, 200] as const),
    '0 search Observation [p2] Patient/p2/Observation?_id=o2',
  ],
  [
    ...(['a record', 'Patient/p1/$everything?_type=Organization', {}, 200] as const),
    '0 everything Patient/p1 [p1] Patient/p1/$everything?_type=Organization',
  ],
  [
    ...(['a batch', ''] as const),
    bundle(
      'batch',
      entryOf('GET', 'Observation/o2'),
      entryOf('GET', 'Patient?_id=p2'),
      entryOf('GET', 'Patient/absent'),
      entryOf('POST', 'Observation', isNew(observation('', 'p2'))),
      entryOf('PUT', 'Observation/o2', { ...observation('o2', 'p2'), status: 'no' }),
      { request: { method: 'BREW', url: 'Patient' } },
    ),
    200,
    '4 batch [] 400 invalid entry=Bundle.entry[5]',
    '0 create *@1 [p2]',
    '4 update Observation/o2 [] Observation/o2 400 invalid entry=Bundle.entry[4]',
    '0 read Observation/o2@1 [p2]',
    '0 search Patient [p2] Patient?_id=p2',
    '4 read Patient/absent [] Patient/absent 404 not-found',
  ],
];

export const REFUSED: Row[] = [
  [
    ...(['a history with types that the caller may not search', '_history', {}, 403] as const),
    '4 history [] _history 403 forbidden',
  ],
  ['a type that is none', 'Patent/1', {}, 404, '4 read [] Patent/1 404 not-found'],
  [
    'a deleted one',
    'Observation/doomed',
    {},
    410,
    '4 read Observation/doomed [] Observation/doomed 410 gone',
  ],
  [
    ...(['a version that is not there', 'Observation/o1/_history/7', {}, 404] as const),
    '4 vread Observation/o1 [] Observation/o1/_history/7 404 not-found',
  ],
  [
    ...(['a search that is not understood', 'Observation?nonsense=1', {}, 400] as const),
    '4 search Observation [] Observation?nonsense=1 400 invalid',
  ],
  [
    ...(['an old version', 'Observation/o1'] as const),
    ...([json('PUT', observation('o1', 'p1'), { 'If-Match': 'W/"9"' }), 412] as const),
    '4 update Observation/o1 [] Observation/o1 412 precondition',
  ],
  [
    ...(['a patch that does not fit', 'Observation/o1'] as const),
    ...([jsonPatch({ op: 'test', path: '/status', value: 'amended' }), 422] as const),
    '4 patch Observation/o1 [] Observation/o1 422 unprocessable',
  ],
  [
    ...(['a transaction', ''] as const),
    bundle(
      'transaction',
      entryOf('POST', 'Observation', isNew(observation('', 'p1'))),
      entryOf('PATCH', 'Observation/none', {
        ...{ resourceType: 'Binary', contentType: 'application/json-patch+json' },
        data: btoa('[{"op":"replace","path":"/status","value":"final"}]'),
      }),
    ),
    404,
    '4 transaction Observation/none [] Observation/none 404 not-found entry=Bundle.entry[1]',
  ],
  [
    ...(['a transaction that asks for nothing possible', ''] as const),
    ...([bundle('transaction', { request: { method: 'BREW', url: 'Patient' } }), 400] as const),
    '4 transaction [] 400 invalid entry=Bundle.entry[0]',
  ],
  ['a bundle that is none', '', json('POST', patient('x')), 400, '4 request [] 400 invalid'],
  ['a path that is none', 'a/b/c/d/e', {}, 404, '4 request [] a/b/c/d/e 404 not-found'],
  [
    ...(['an operation that is none', 'Patient/p1/$no', {}, 404] as const),
    '4 operation Patient/p1 [] Patient/p1/$no 404 not-found',
  ],
];

