import { describe, expect, it } from 'vitest';
import { overlaps } from '../../server/fhir/bundle.ts';
import { ask, issuesOf, patchOf, patient, plan, post, put } from '../helpers/bundles.ts';

describe('planBundle()', () => {
  it('puts a transaction in the order of the standard and keeps that of the request', () => {
    const { order, entries, size } = plan('transaction', [
      ask('GET', 'Patient/1'),
      put({ resourceType: 'Patient', id: '2' }),
      post(patient),
      { request: { method: 'POST', url: 'Patient/_search?name=x' } },
      ask('DELETE', 'Patient/3'),
      ask('HEAD', 'Patient/1'),
      { ...ask('PATCH', 'Patient/4'), resource: patchOf('Patient.active') },
      ask('DELETE', 'Patient/5'),
    ]);
    expect(order.map(({ index }) => index)).toEqual([4, 7, 2, 1, 6, 0, 3, 5]);
    expect(entries.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(size).toBe(8);
  });

  it('gives new resources new ids, and conditional updates one in reserve', () => {
    const { entries } = plan('transaction', [
      post({ resourceType: 'Patient', id: 'client' }),
      post(patient, undefined, { ifNoneExist: 'Patient?identifier=x%7C1' }),
      post(patient, undefined, { method: 'PUT', url: 'Patient?identifier=2' }),
      post({ ...patient, id: 'mine' }, undefined, { method: 'PUT', url: 'Patient?identifier=3' }),
    ]);
    expect(entries.map(({ id }) => id)).toEqual(['new-1', 'new-2', 'new-3', 'mine']);
    expect(entries[1]?.ifNoneExist).toBe('identifier=x%7C1');
  });

  it('hands over the headers of a request', () => {
    const request = { ifMatch: 'W/"2"', ifNoneMatch: '*', ifModifiedSince: '2020-01-01T00:00:00Z' };
    expect(
      plan('batch', [{ request: { ...request, method: 'GET', url: 'Patient/1' } }]).entries[0],
    ).toMatchObject(request);
  });

  it('reads patches from Binary and Parameters', () => {
    const data = Buffer.from('[{"op":"remove","path":"/active"}]').toString('base64');
    const contentType = 'application/json-patch+json';
    const { entries } = plan('transaction', [
      { ...ask('PATCH', 'Patient/1'), resource: { resourceType: 'Binary', contentType, data } },
      { ...ask('PATCH', 'Patient?identifier=1'), resource: patchOf('Patient.active') },
    ]);
    expect(entries.map(({ patch }) => patch?.kind)).toEqual(['json', 'fhirpath']);
  });

  it('reports the faults of all entries at once', () => {
    const entries = [
      ask('GET', 'Foo/1'),
      post(patient),
      { resource: patient },
      ask('PUT', 'Patient'),
    ];
    expect(issuesOf(() => plan('transaction', entries)).map(([expression]) => expression)).toEqual([
      'Bundle.entry[0].request.url',
      'Bundle.entry[2].request',
      'Bundle.entry[3].request.url',
      'Bundle.entry[3].resource',
    ]);
  });

  it.each(['batch-response', 'searchset', 'history', ''])(
    'refuses a Bundle of type "%s"',
    (type) => {
      expect(issuesOf(() => plan(type, []))).toEqual([
        ['Bundle.type', expect.stringContaining('POST it to Bundle')],
      ]);
    },
  );

  it('refuses a fullUrl that stands twice', () => {
    const entries = [post(patient, 'urn:uuid:1'), post(patient, 'urn:uuid:1')];
    expect(issuesOf(() => plan('transaction', entries))).toEqual([
      ['Bundle.entry[1].fullUrl', expect.stringContaining('Bundle.entry[0]')],
    ]);
  });

  it('refuses two changes of one resource in a transaction, and allows them in a batch', () => {
    const one = put({ resourceType: 'Patient', id: '1' });
    const entries = [one, ask('DELETE', 'Patient/1'), ask('GET', 'Patient/1')];
    expect(issuesOf(() => plan('transaction', entries))).toEqual([
      ['Bundle.entry[1].request.url', expect.stringContaining('changes Patient/1 too')],
    ]);
    expect(plan('batch', entries).errors.size).toBe(0);
  });

  it('plans an empty transaction', () => {
    expect(plan('transaction', [])).toMatchObject({ size: 0, entries: [], order: [] });
  });
});

describe('overlaps()', () => {
  it('counts conditional entries once they have their ids', () => {
    const { entries } = plan('transaction', [
      put({ resourceType: 'Patient', id: '1' }),
      ask('DELETE', 'Patient?identifier=1'),
    ]);
    expect(overlaps(entries)).toEqual([]);
    entries[1]!.id = '1';
    expect(overlaps(entries, new Set([1]))).toHaveLength(1);
  });
});
