import { describe, expect, it } from 'vitest';
import { loadDefinitions } from '../../server/fhir/load-definitions.ts';
import type { Part } from '../../server/fhir/summary.ts';
import { summarize, unknownElements } from '../../server/fhir/summary.ts';
import type { JsonObject, JsonValue, Resource } from '../../server/fhir/types.ts';

const definitions = loadDefinitions();
const text = { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">x</div>' };
const tag = {
  system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue',
  code: 'SUBSETTED',
};

const observation: Resource = {
  resourceType: 'Observation',
  id: '1',
  meta: { versionId: '2', tag: [{ code: 'mine' }] },
  text,
  contained: [{ resourceType: 'Patient', id: 'p' }],
  extension: [{ url: 'http://x', valueCode: 'a' }],
  modifierExtension: [{ url: 'http://y', valueCode: 'b' }],
  status: 'final',
  code: { coding: [{ code: 'c', extension: [{ url: 'http://x', valueCode: 'a' }] }] },
  subject: { reference: '#p' },
  valueQuantity: { value: 1, unit: 'mg' },
  note: [{ text: 'long' }],
  component: [{ code: { text: 'd' }, valueString: 'e', interpretation: [{ text: 'f' }] }],
};

const summary = (value: Part['summary'], resource = observation): Resource =>
  summarize(definitions, resource, { summary: value, elements: [] });
const elements = (names: string[], resource = observation): Resource =>
  summarize(definitions, resource, { summary: 'false', elements: names });

/** The resource without what every part has. */
function rest({ resourceType: _type, id: _id, meta: _meta, ...others }: Resource): JsonObject {
  return others;
}

describe('summarize()', () => {
  it('keeps summary elements, at every depth, and modifier extensions with _summary=true', () => {
    expect(rest(summary('true'))).toEqual({
      modifierExtension: [{ url: 'http://y', valueCode: 'b' }],
      status: 'final',
      code: { coding: [{ code: 'c' }] },
      subject: { reference: '#p' },
      valueQuantity: { value: 1, unit: 'mg' },
      component: [{ code: { text: 'd' }, valueString: 'e' }],
    });
  });

  it('keeps text and mandatory elements with _summary=text', () => {
    const { modifierExtension, status, code } = observation;
    expect(rest(summary('text'))).toEqual({ text, modifierExtension, status, code });
  });

  it('keeps all but the text with _summary=data', () => {
    const { text: _text, ...others } = rest(observation);
    expect(rest(summary('data'))).toEqual(others);
  });

  it('gives the resource itself with _summary=false', () => {
    expect(summary('false')).toBe(observation);
  });

  it('keeps mandatory elements that R4 does not mark, as Provenance.agent', () => {
    const agent = [{ who: { reference: 'Device/1' } }];
    const provenance = { resourceType: 'Provenance', target: [], recorded: '2020', agent };
    expect(summary('true', provenance)['agent']).toEqual(agent);
  });

  const sides: [name: string, before: JsonObject, after: JsonObject][] = [
    ['why a value is absent', { _birthDate: { id: 'a' } }, { _birthDate: { id: 'a' } }],
    [
      'nothing more where there is a value',
      { birthDate: '2020', _birthDate: { id: 'a' } },
      { birthDate: '2020' },
    ],
    [
      'the places of a list',
      { name: [{ given: ['A', null], _given: [null, { id: 'a' }] }] },
      { name: [{ given: ['A', null], _given: [null, { id: 'a' }] }] },
    ],
    [
      'elements that have extensions only',
      { name: [{ extension: [{ url: 'u' }] }] },
      { name: [{ extension: [{ url: 'u' }] }] },
    ],
  ];
  it.each(sides)('keeps %s with _summary=true', (_name, before, after) => {
    expect(rest(summary('true', { resourceType: 'Patient', ...before }))).toEqual(after);
  });

  const selections: [names: string[], kept: string[]][] = [
    [['subject'], ['subject']],
    [
      ['Observation.subject', 'note'],
      ['subject', 'note'],
    ],
    [['Patient.text'], []],
    [['value'], ['valueQuantity']],
    [['value[x]'], ['valueQuantity']],
    [['valueQuantity'], ['valueQuantity']],
    [['id', 'extension'], ['extension']],
  ];
  it.each(selections)('keeps %j with _elements, and what is mandatory', (names, kept) => {
    const names2 = ['modifierExtension', 'status', 'code', ...kept];
    expect(Object.keys(rest(elements(names))).sort()).toEqual(names2.sort());
  });

  it('lets _elements take both sides of a primitive', () => {
    const patient = { resourceType: 'Patient', birthDate: '2020', _birthDate: { id: 'a' } };
    expect(rest(elements(['birthDate'], patient))).toEqual({
      birthDate: '2020',
      _birthDate: { id: 'a' },
    });
  });

  it.each<[string, Resource]>([
    ['_summary=true', summary('true')],
    ['_summary=text', summary('text')],
    ['_summary=data', summary('data')],
    ['_elements', elements(['note'])],
  ])('tags the part and starts it with type, id and meta with %s', (_name, part) => {
    expect(Object.keys(part).slice(0, 3)).toEqual(['resourceType', 'id', 'meta']);
    expect(part['meta']).toEqual({ versionId: '2', tag: [{ code: 'mine' }, tag] });
  });

  it('tags what has no meta, and nothing twice', () => {
    const once = summary('true', { resourceType: 'Patient' });
    expect(once['meta']).toEqual({ tag: [tag] });
    expect(summary('true', once)['meta']).toEqual({ tag: [tag] });
  });

  it('shortens the resources in a stored Bundle', () => {
    const entry: JsonValue = [
      { fullUrl: 'urn:uuid:1', resource: { resourceType: 'Patient', text } },
    ];
    const bundle = { resourceType: 'Bundle', type: 'collection', entry };
    expect(rest(summary('true', bundle))['entry']).toEqual([
      { fullUrl: 'urn:uuid:1', resource: { resourceType: 'Patient', meta: { tag: [tag] } } },
    ]);
  });

  it('leaves the given resource as it is', () => {
    const before = JSON.stringify(observation);
    for (const value of ['true', 'text', 'data', 'count'] as const) summary(value);
    expect(JSON.stringify(observation)).toBe(before);
  });
});

describe('unknownElements()', () => {
  it.each<[string[], string[], string[]]>([
    [['Patient'], ['name', 'id', 'meta', 'Patient.gender', 'deceased', 'deceasedBoolean'], []],
    [
      ['Patient'],
      ['nom', 'status', 'name.family', 'Patient.nom', 'Foo.name'],
      ['nom', 'status', 'name.family', 'Patient.nom', 'Foo.name'],
    ],
    [['Patient', 'Observation'], ['status', 'gender', 'Encounter.class'], []],
  ])('of %j and %j is %j', (types, names, unknown) => {
    expect(unknownElements(definitions, types, names)).toEqual(unknown);
  });
});
