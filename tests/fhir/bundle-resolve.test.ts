import { describe, expect, it } from 'vitest';
import { applyLinks, spotPath } from '../../server/fhir/bundle.ts';
import type { JsonObject, Resource } from '../../server/fhir/types.ts';
import { ask, issuesOf, patchOf, patient, plan, post } from '../helpers/bundles.ts';

describe('applyLinks()', () => {
  const A = 'urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0';
  const B = 'urn:oid:1.2.3';

  function linked(resource: Resource, fullUrl = 'urn:uuid:self'): Resource {
    const bundle = plan('transaction', [
      post(resource, fullUrl),
      post(patient, A),
      post(patient, B),
    ]);
    applyLinks(bundle);
    return bundle.entries[0]!.resource!;
  }

  const div = (inner: string): string => `<div xmlns="http://www.w3.org/1999/xhtml">${inner}</div>`;
  const rewritten: [name: string, before: JsonObject, after: JsonObject][] = [
    ['a reference', { subject: { reference: A } }, { subject: { reference: 'Patient/new-2' } }],
    ['an oid', { subject: { reference: B } }, { subject: { reference: 'Patient/new-3' } }],
    [
      'references in arrays',
      { performer: [{ reference: A }, { reference: B }] },
      { performer: [{ reference: 'Patient/new-2' }, { reference: 'Patient/new-3' }] },
    ],
    [
      'an extension with a uri',
      { extension: [{ url: A, valueUri: A }] },
      { extension: [{ url: A, valueUri: 'Patient/new-2' }] },
    ],
    [
      'an extension of a primitive',
      { _status: { extension: [{ url: 'u', valueUri: A }] } },
      { _status: { extension: [{ url: 'u', valueUri: 'Patient/new-2' }] } },
    ],
    [
      'an attachment',
      { resourceType: 'DocumentReference', content: [{ attachment: { url: A } }] },
      { resourceType: 'DocumentReference', content: [{ attachment: { url: 'Patient/new-2' } }] },
    ],
    [
      'a contained resource',
      { contained: [{ resourceType: 'Provenance', target: [{ reference: A }] }] },
      { contained: [{ resourceType: 'Provenance', target: [{ reference: 'Patient/new-2' }] }] },
    ],
    [
      'a backbone element',
      {
        component: [
          { valueReference: 1, extension: [{ url: 'u', valueReference: { reference: A } }] },
        ],
      },
      {
        component: [
          {
            valueReference: 1,
            extension: [{ url: 'u', valueReference: { reference: 'Patient/new-2' } }],
          },
        ],
      },
    ],
    [
      'a content reference',
      {
        resourceType: 'Questionnaire',
        item: [{ item: [{ item: [{ initial: [{ valueReference: { reference: A } }] }] }] }],
      },
      {
        resourceType: 'Questionnaire',
        item: [
          { item: [{ item: [{ initial: [{ valueReference: { reference: 'Patient/new-2' } }] }] }] },
        ],
      },
    ],
    [
      'the narrative',
      {
        text: {
          status: 'generated',
          div: div(`<a href="${A}">x</a><img src='${B}' alt="${A}"/><a href="#x"/>`),
        },
      },
      {
        text: {
          status: 'generated',
          div: div(
            `<a href="Patient/new-2">x</a><img src='Patient/new-3' alt="${A}"/><a href="#x"/>`,
          ),
        },
      },
    ],
    [
      'the part before a fragment',
      { subject: { reference: `${A}#name` } },
      { subject: { reference: 'Patient/new-2#name' } },
    ],
    [
      'the system of an identifier',
      { identifier: [{ system: A, value: A }] },
      { identifier: [{ system: 'Patient/new-2', value: A }] },
    ],
    [
      'a reference to itself',
      { hasMember: [{ reference: 'urn:uuid:self' }] },
      { hasMember: [{ reference: 'Observation/new-1' }] },
    ],
  ];
  it.each(rewritten)('rewrites %s', (_name, before, after) => {
    const resourceType = 'Observation';
    expect(linked({ resourceType, ...before })).toEqual({ resourceType, ...after });
  });

  const kept: [name: string, resource: JsonObject][] = [
    ['an identifier value', { identifier: [{ value: A }] }],
    ['a canonical', { resourceType: 'MeasureReport', measure: A }],
    ['strings', { note: [{ text: A }], code: { text: A } }],
    ['references to stored resources', { subject: { reference: 'Patient/1' } }],
    ['references into itself', { subject: { reference: '#p' } }],
    ['unknown properties', { unknown: { reference: A } }],
    ['text where an object should be', { subject: A }],
  ];
  it.each(kept)('keeps %s', (_name, resource) => {
    const whole = { resourceType: 'Observation', ...resource };
    expect(linked(structuredClone(whole))).toEqual(whole);
  });

  it('resolves absolute, relative and versioned links between fullUrls of another server', () => {
    const bundle = plan('transaction', [
      post({ resourceType: 'Patient', id: '7' }, 'http://x/r4/Patient/7'),
      post(
        {
          resourceType: 'Observation',
          subject: { reference: 'Patient/7' },
          performer: [
            { reference: 'http://x/r4/Patient/7' },
            { reference: 'Patient/7/_history/9' },
            { reference: 'http://y/r4/Patient/7' },
            { reference: 'Patient/8' },
          ],
        },
        'http://x/r4/Observation/1',
      ),
    ]);
    applyLinks(bundle);
    const { subject, performer } = bundle.entries[1]!.resource!;
    expect(
      [subject, ...(performer as JsonObject[])].map((each) => (each as JsonObject)['reference']),
    ).toEqual([
      'Patient/new-1',
      'Patient/new-1',
      'Patient/new-1/_history/1',
      'http://y/r4/Patient/7',
      'Patient/8',
    ]);
  });

  it('writes what the store made of conditional entries and references, also a second time', () => {
    const practitioner = 'Practitioner?identifier=http://x|1';
    const bundle = plan('transaction', [
      post(patient, A, { ifNoneExist: 'identifier=1' }),
      post({
        resourceType: 'Encounter',
        subject: { reference: A },
        text: { div: div(`<a href="${A}"/>`) },
        participant: [{ individual: { reference: practitioner } }],
      }),
    ]);
    expect([...bundle.links.conditions.keys()]).toEqual([practitioner]);
    const [spot] = bundle.links.conditions.get(practitioner) ?? [];
    expect(spotPath(spot!)).toBe('Bundle.entry[1].resource.participant[0].individual.reference');
    for (const id of ['first', 'second']) {
      bundle.entries[0]!.id = id;
      applyLinks(bundle, new Map([[practitioner, `Practitioner/${id}`]]));
      expect(bundle.entries[1]!.resource).toEqual({
        resourceType: 'Encounter',
        subject: { reference: `Patient/${id}` },
        text: { div: div(`<a href="Patient/${id}"/>`) },
        participant: [{ individual: { reference: `Practitioner/${id}` } }],
      });
    }
  });

  it('rewrites the values of patches', () => {
    const operations = [
      { op: 'add', path: '/generalPractitioner', value: [{ reference: A }] },
      { op: 'replace', path: '/managingOrganization/reference', value: A },
    ];
    const data = Buffer.from(JSON.stringify(operations)).toString('base64');
    const contentType = 'application/json-patch+json';
    const bundle = plan('transaction', [
      post({ resourceType: 'Organization' }, A),
      { ...ask('PATCH', 'Patient/1'), resource: { resourceType: 'Binary', contentType, data } },
      {
        ...ask('PATCH', 'Patient/2'),
        resource: patchOf('Patient.managingOrganization', { valueReference: { reference: A } }),
      },
    ]);
    applyLinks(bundle);
    expect(JSON.stringify(bundle.entries.map(({ patch }) => patch))).not.toContain(A);
    expect(bundle.entries[2]?.patch?.operations[0]?.value).toEqual({
      name: 'value',
      valueReference: { reference: 'Organization/new-1' },
    });
  });

  it('refuses urn references that lead nowhere, each with its place', () => {
    const resource = { resourceType: 'Observation', subject: { reference: 'urn:uuid:9' } };
    const entries = [ask('DELETE', 'Patient/1'), post({ ...resource, focus: [{ reference: A }] })];
    expect(issuesOf(() => plan('transaction', entries))).toEqual([
      ['Bundle.entry[1].resource.subject.reference', expect.stringContaining('urn:uuid:9')],
      ['Bundle.entry[1].resource.focus[0].reference', expect.stringContaining(A)],
    ]);
  });

  it('leaves the entries of a batch alone', () => {
    const bundle = plan('batch', [
      post(patient, A),
      post({ resourceType: 'Observation', subject: { reference: A } }),
    ]);
    applyLinks(bundle);
    expect(bundle.entries[1]?.resource?.['subject']).toEqual({ reference: A });
  });
});
