import { describe, expect, test } from 'vitest';
import { parseJson } from '../../server/fhir/json.ts';
import { loadDefinitions } from '../../server/fhir/load-definitions.ts';
import type { JsonObject } from '../../server/fhir/types.ts';
import { createValidator } from '../../server/fhir/validate.ts';

const { validate } = createValidator(loadDefinitions());

const patient = { resourceType: 'Patient', id: 'p' };
const observation = { resourceType: 'Observation', status: 'final', code: { text: 'weight' } };
const encounter = { resourceType: 'Encounter', status: 'planned', class: { code: 'AMB' } };
const narrative = (div: string) => ({ status: 'generated', div });
const XHTML = 'xmlns="http://www.w3.org/1999/xhtml"';

type Case = [name: string, resource: object, expression: string, code: string, says: string];

const references: Case[] = [
  [
    'a type that the element does not allow',
    { ...observation, subject: { reference: 'Claim/1' } },
    'Observation.subject.reference',
    'value',
    'may not point to a Claim',
  ],
  [
    'an absolute address of such a type',
    { ...observation, subject: { reference: 'http://a.b/Claim/1' } },
    'Observation.subject.reference',
    'value',
    'may not point to a Claim',
  ],
  [
    'an unknown type',
    { ...observation, subject: { reference: 'Patiant/1' } },
    'Observation.subject.reference',
    'value',
    '"Patient"',
  ],
  [
    'a text that is no reference',
    { ...observation, subject: { reference: 'Patient 1' } },
    'Observation.subject.reference',
    'value',
    'Type/id',
  ],
  [
    'a search outside of a transaction',
    { ...observation, subject: { reference: 'Patient?name=x' } },
    'Observation.subject.reference',
    'value',
    'transaction',
  ],
  [
    'a type that contradicts the reference',
    { ...observation, subject: { reference: 'Patient/1', type: 'Group' } },
    'Observation.subject.type',
    'value',
    'make them agree',
  ],
  [
    'a fragment without its resource',
    { ...observation, subject: { reference: '#p' } },
    'Observation.subject.reference',
    'invariant',
    'ref-1',
  ],
  [
    'a contained resource that nothing refers to',
    { ...observation, contained: [patient] },
    'Observation.contained[0]',
    'invariant',
    'dom-3',
  ],
  [
    'a fragment of the wrong type',
    { ...encounter, contained: [patient], serviceProvider: { reference: '#p' } },
    'Encounter.serviceProvider.reference',
    'value',
    'may not point to a Patient',
  ],
  [
    'a resource contained in a contained one',
    {
      ...observation,
      contained: [
        {
          ...patient,
          contained: [{ ...patient, id: 'q' }],
          link: [{ other: { reference: '#q' }, type: 'refer' }],
        },
      ],
      subject: { reference: '#p' },
    },
    'Observation.contained[0].contained[0]',
    'invariant',
    'dom-2',
  ],
  [
    'a version in a contained resource',
    {
      ...observation,
      contained: [{ ...patient, meta: { versionId: '1' } }],
      subject: { reference: '#p' },
    },
    'Observation.contained[0].meta',
    'invariant',
    'dom-4',
  ],
  [
    'a security label in a contained resource',
    {
      ...observation,
      contained: [{ ...patient, meta: { security: [{ code: 'R' }] } }],
      subject: { reference: '#p' },
    },
    'Observation.contained[0].meta',
    'invariant',
    'dom-5',
  ],
  [
    'one id twice among the contained',
    { ...observation, contained: [patient, patient], subject: { reference: '#p' } },
    'Observation.contained[1]',
    'duplicate',
    'is taken',
  ],
];

const nested: Case[] = [
  [
    'a fault in an entry',
    {
      resourceType: 'Bundle',
      type: 'collection',
      entry: [{ resource: patient }, { resource: { ...patient, gender: 'x' } }],
    },
    'Bundle.entry[1].resource.gender',
    'code-invalid',
    'male',
  ],
  [
    'a fault in a parameter',
    {
      resourceType: 'Parameters',
      parameter: [{ name: 'a', resource: { ...patient, photo: [{ foo: 1 }] } }],
    },
    'Parameters.parameter[0].resource.photo[0].foo',
    'structure',
    'Attachment has no element',
  ],
  [
    'an entry of unknown type',
    {
      resourceType: 'Bundle',
      type: 'collection',
      entry: [{ resource: { resourceType: 'Patent' } }],
    },
    'Bundle.entry[0].resource',
    'structure',
    '"Patient"',
  ],
  [
    'an entry that refers into its bundle by fragment',
    {
      resourceType: 'Bundle',
      type: 'collection',
      entry: [{ resource: { ...observation, subject: { reference: '#p' } } }],
    },
    'Bundle.entry[0].resource.subject.reference',
    'invariant',
    'ref-1',
  ],
  [
    'a script in the narrative',
    { ...patient, text: narrative(`<div ${XHTML}><script/>a</div>`) },
    'Patient.text.div',
    'invalid',
    '<script>',
  ],
];

describe('validate() refuses', () => {
  test.each([...references, ...nested])('%s', (_name, resource, expression, code, says) => {
    const issues = validate(resource);
    expect(issues).toContainEqual(expect.objectContaining({ severity: 'error', expression, code }));
    expect(issues.map((issue) => issue.diagnostics).join('\n')).toContain(says);
  });

  test('what is nested deeper than its JSON may be', () => {
    const deep = (levels: number): JsonObject => {
      let item: JsonObject = { linkId: 'x', type: 'string', text: 'x' };
      for (let i = 1; i < levels; i++) item = { linkId: 'x', type: 'group', item: [item] };
      return { resourceType: 'Questionnaire', status: 'draft', item: [item] };
    };
    const told = (levels: number): string[] =>
      validate(deep(levels))
        .map(({ diagnostics }) => diagnostics)
        .filter((text) => text.includes('nested too deep'));
    expect(told(49)).toEqual([]);
    expect(told(50)).toHaveLength(1);
    expect(() => parseJson(JSON.stringify(deep(49)))).not.toThrow();
  });
});
