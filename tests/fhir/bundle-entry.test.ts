import { describe, expect, it } from 'vitest';
import type { PlannedEntry } from '../../server/fhir/bundle.ts';
import type { JsonValue } from '../../server/fhir/types.ts';
import { ask, BASE, issuesOf, patient, plan, post, put } from '../helpers/bundles.ts';

describe('an entry', () => {
  const read: [method: string, url: string, planned: Partial<PlannedEntry>][] = [
    ['GET', 'Patient/1', { type: 'Patient', id: '1' }],
    ['GET', '/Patient/1?_summary=true', { url: 'Patient/1?_summary=true', id: '1' }],
    ['GET', `${BASE}/Patient/1`, { url: 'Patient/1', type: 'Patient', id: '1' }],
    ['GET', 'Patient?name=M%C3%BCller', { type: 'Patient', criteria: 'name=M%C3%BCller' }],
    ['GET', 'Patient', { type: 'Patient' }],
    ['GET', 'Patient/1/_history/2', { operation: 'Patient/1/_history/2' }],
    ['GET', 'Patient/_history', { operation: 'Patient/_history' }],
    ['GET', '_history?_count=2', { operation: '_history', criteria: '_count=2' }],
    ['GET', 'metadata', { operation: 'metadata' }],
    ['GET', '?_type=Patient', { operation: '', criteria: '_type=Patient' }],
    ['GET', 'Patient/1/$everything', { operation: 'Patient/1/$everything' }],
    ['GET', 'Patient/1/Observation?code=x', { operation: 'Patient/1/Observation' }],
    ['GET', 'Patient/1/*', { operation: 'Patient/1/*' }],
    ['POST', 'ValueSet/$expand', { operation: 'ValueSet/$expand' }],
    ['POST', '$convert', { operation: '$convert' }],
    ['POST', 'Patient/_search?name=x', { operation: 'Patient/_search' }],
    ['DELETE', 'Patient/a.B-3', { type: 'Patient', id: 'a.B-3' }],
    ['DELETE', 'Patient?identifier=1', { type: 'Patient', criteria: 'identifier=1' }],
  ];
  it.each(read)('reads %s %s', (method, url, expected) => {
    expect(plan('batch', [ask(method, url)]).entries[0]).toMatchObject(expected);
  });

  const faults: [name: string, entry: JsonValue, path: string, says: string][] = [
    ['an entry that is no object', 3, '', 'An entry is an object'],
    ['a missing request', { resource: patient }, '.request', 'needs a request'],
    ['an unknown method', ask('FETCH', 'Patient/1'), '.request.method', 'must be one of'],
    ['a missing url', { request: { method: 'GET' } }, '.request.url', 'needs a url'],
    ['an empty url', ask('GET', ''), '.request.url', 'is empty'],
    ['a url of another server', ask('GET', 'http://x/Patient/1'), '.request.url', 'not below this'],
    ['a url without a scheme', ask('GET', '//x/Patient/1'), '.request.url', 'not below this'],
    ['an unknown type', ask('GET', 'Foo/1'), '.request.url', '"Foo" is not a resource type'],
    ['an id with a bad character', ask('GET', 'Patient/a_b'), '.request.url', 'not a url that GET'],
    [
      'an id of 65 characters',
      ask('GET', `Patient/${'a'.repeat(65)}`),
      '.request.url',
      'not a url',
    ],
    ['a path that climbs', ask('GET', 'Patient/../metadata'), '.request.url', 'not a url that GET'],
    ['a broken escape in the path', ask('GET', 'Patient/%zz'), '.request.url', 'a "%" that'],
    ['a broken escape in the query', ask('GET', 'Patient?name=%ff'), '.request.url', 'a "%" that'],
    ['POST to an id', post(patient, undefined, { url: 'Patient/1' }), '.request.url', 'use PUT'],
    [
      'POST with a query',
      post(patient, undefined, { url: 'Patient?a=b' }),
      '.request.url',
      'no query',
    ],
    [
      'POST of another type',
      post(patient, undefined, { url: 'Group' }),
      '.request.url',
      'says Group',
    ],
    [
      'a bundle in the bundle',
      post({ resourceType: 'Bundle' }, undefined, { url: '' }),
      '.request.url',
      'not a url',
    ],
    ['POST without a resource', ask('POST', 'Patient'), '.resource', 'POST needs a resource'],
    [
      'PUT without an id',
      post(patient, undefined, { method: 'PUT' }),
      '.request.url',
      'needs an id',
    ],
    [
      'PUT with empty criteria',
      post(patient, undefined, { method: 'PUT', url: 'Patient?' }),
      '.request.url',
      'needs an id',
    ],
    [
      'PUT with id and criteria',
      post({ ...patient, id: '1' }, undefined, { method: 'PUT', url: 'Patient/1?a=b' }),
      '.request.url',
      'not both',
    ],
    [
      'PUT of another id',
      post({ ...patient, id: '2' }, undefined, { method: 'PUT', url: 'Patient/1' }),
      '.resource.id',
      'must be 1 as in the url; the resource has 2',
    ],
    [
      'PUT of no id',
      post(patient, undefined, { method: 'PUT', url: 'Patient/1' }),
      '.resource.id',
      'has none',
    ],
    ['DELETE of a type', ask('DELETE', 'Patient'), '.request.url', 'needs an id'],
    [
      'ifNoneExist with PUT',
      {
        ...put({ ...patient, id: '1' }),
        request: { method: 'PUT', url: 'Patient/1', ifNoneExist: 'a=b' },
      },
      '.request.ifNoneExist',
      'with POST only',
    ],
    [
      'an empty ifNoneExist',
      post(patient, undefined, { ifNoneExist: '?' }),
      '.request.ifNoneExist',
      'needs criteria',
    ],
    [
      'a header that is no string',
      { request: { method: 'GET', url: 'Patient/1', ifMatch: 2 } },
      '.request.ifMatch',
      'must be a string',
    ],
    [
      'a patch that is no patch',
      { ...ask('PATCH', 'Patient/1'), resource: patient },
      '.resource',
      'PATCH needs Parameters',
    ],
    [
      'a patch with a fault',
      {
        ...ask('PATCH', 'Patient/1'),
        resource: { resourceType: 'Parameters', parameter: [{ name: 'x' }] },
      },
      '.resource.parameter[0]',
      'parameters named "operation"',
    ],
    [
      'a JSON Patch that is no JSON',
      {
        ...ask('PATCH', 'Patient/1'),
        resource: {
          resourceType: 'Binary',
          contentType: 'application/json-patch+json',
          data: 'WyE=',
        },
      },
      '.resource',
      'JSON',
    ],
  ];
  it.each(faults)('refuses %s', (_name, entry, path, says) => {
    const expected = [`Bundle.entry[1]${path}`, expect.stringContaining(says)];
    expect(issuesOf(() => plan('transaction', [post(patient), entry]))).toEqual([expected]);
    const batch = plan('batch', [post(patient), entry, post(patient)]);
    expect(batch.entries.map(({ index }) => index)).toEqual([0, 2]);
    expect(batch.errors.get(1)?.issues[0]?.expression).toBe(expected[0]);
  });
});
