import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { judgeSearchParameter } from '../../server/fhir/custom-param.ts';
import { extensible } from '../../server/fhir/definitions-custom.ts';
import { createExtractor } from '../../server/fhir/extract.ts';
import { loadDefinitions } from '../../server/fhir/load-definitions.ts';
import { tokenAny } from '../../server/fhir/terms.ts';
import type { JsonObject, Resource } from '../../server/fhir/types.ts';

const standard = loadDefinitions();
const EXAMPLES = new URL('../../node_modules/hl7.fhir.r4.examples/', import.meta.url);

const resource = (changes: JsonObject): Resource => ({
  resourceType: 'SearchParameter',
  ...{ url: 'http://h.example/SearchParameter/p', name: 'p', status: 'active', code: 'ours' },
  ...{ base: ['Patient'], type: 'token', expression: 'Patient.maritalStatus' },
  ...changes,
});
const judge = (changes: JsonObject) =>
  judgeSearchParameter(resource(changes), { standard, present: standard });
const faults = (changes: JsonObject) =>
  judge(changes).issues.map(({ expression, diagnostics }) => [expression, diagnostics]);

describe('judgeSearchParameter()', () => {
  it.each<[what: string, changes: JsonObject, element: string, says: string]>([
    [
      'a code of R4 with another meaning',
      { code: 'name' },
      'code',
      'has the search parameter "name"',
    ],
    ['a code that cannot stand in a query', { code: 'a.b' }, 'code', 'begins with a letter'],
    ['a code kept for the standard', { code: '_mine' }, 'code', 'kept for the parameters of the'],
    ['a type without a rule', { type: 'special' }, 'type', 'have no rule'],
    ['no expression', { expression: '' }, 'expression', 'give one in FHIRPath'],
    ['an unknown element', { expression: 'Patient.nmae' }, 'expression', 'names "nmae"'],
    ['no FHIRPath', { expression: 'Patient.name.((' }, 'expression', 'FHIRPath'],
    ['an unknown function', { expression: 'Patient.name.frob()' }, 'expression', 'FHIRPath'],
    [
      'an expression without end',
      { expression: Array(1000).fill('Patient.id').join('|') },
      'expression',
      'has 10999 characters',
    ],
    [
      'brackets in brackets in brackets',
      { expression: `${'('.repeat(2000)}Patient.id${')'.repeat(2000)}` },
      'expression',
      'more than 30 deep',
    ],
    [
      'what takes for ever',
      { expression: "Patient.where('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'.matches('^(a+)+$')).id" },
      'expression',
      'takes longer than',
    ],
    ['another type', { expression: 'Person.name' }, 'expression', 'says nothing of Patient'],
    [
      'what follows references',
      { expression: 'Patient.link.other.resolve()' },
      'expression',
      'follows references',
    ],
    ['values of another kind', { expression: 'Patient.birthDate' }, 'type', 'yields date'],
    ['an unknown base', { base: ['Patient', 'Patent'] }, 'base[1]', 'no resource type'],
    [
      'targets that cannot be',
      { type: 'reference', expression: 'Patient.managingOrganization', target: ['Patient'] },
      'target',
      'possible: Organization',
    ],
    [
      'a composite without parts',
      { type: 'composite', expression: 'Patient' },
      'component',
      'needs components',
    ],
    [
      'an unknown component',
      {
        ...{ type: 'composite', expression: 'Patient' },
        component: [{ definition: 'http://h.example/none', expression: 'gender' }],
      },
      'component[0].definition',
      'has the url http://h.example/none',
    ],
  ])('refuses %s', (_what, changes, element, says) => {
    expect(faults(changes)).toEqual([
      [`SearchParameter.${element}`, expect.stringContaining(says)],
    ]);
  });

  it.each<[what: string, changes: JsonObject]>([
    ['what R4 says', { code: 'gender', expression: 'Patient.gender' }],
    ['what R4 says, spelt otherwise', { code: '_id', base: ['Resource'], expression: 'id' }],
    [
      'a cast of R4, spelt otherwise',
      {
        ...{ code: 'value-quantity', base: ['Observation'], type: 'quantity' },
        expression: 'Observation.value.as(SampledData) | Observation.value.ofType(Quantity)',
      },
    ],
    ['a retired one', { status: 'retired', expression: 'nonsense(' }],
  ])('takes %s, which changes nothing', (_what, changes) => {
    expect(judge(changes)).toEqual({ params: new Map(), issues: [] });
  });

  it.each<[expression: string, type: string, many: boolean]>([
    ["Patient.extension.where(url='u').value", 'token', true],
    ["Patient.extension('u')", 'quantity', true],
    ["Patient.extension.where(url='u').extension.value.code", 'token', true],
    ['Patient.maritalStatus', 'token', false],
    ['(Patient.deceased as dateTime)', 'date', false],
    ['Patient.name.given.first()', 'string', true],
    ["Patient.name.where(use = 'official').select(given | family)", 'string', true],
    ["Patient.contact.telecom.where(system='email' and use='work')", 'token', true],
  ])('takes %s as %s', (expression, type, many) => {
    const { params, issues } = judge({ expression, type });
    expect(issues).toEqual([]);
    expect(params.get('Patient')).toEqual({
      ...{ code: 'ours', url: 'http://h.example/SearchParameter/p', type, expression },
      ...(many && { many }),
    });
  });

  it('takes the targets that the elements allow', () => {
    const of = (changes: JsonObject) =>
      judge({ type: 'reference', ...changes }).params.get('Patient')?.targets;
    const expression = 'Patient.generalPractitioner';
    const all = ['Organization', 'Practitioner', 'PractitionerRole'];
    expect(of({ expression })).toEqual(all);
    expect(of({ expression, target: ['Practitioner', 'Patient'] })).toEqual(['Practitioner']);
    expect(of({ expression: "Patient.extension('u').value" })).toBeUndefined();
  });

  it('resolves the components of a composite by their urls', () => {
    const SP = 'http://hl7.org/fhir/SearchParameter/';
    const { params, issues } = judge({
      ...{ base: ['Observation'], type: 'composite', expression: 'Observation.component' },
      component: [
        { definition: `${SP}Observation-component-code`, expression: 'code' },
        {
          definition: `${SP}Observation-component-value-quantity`,
          expression: 'value.as(Quantity)',
        },
      ],
    });
    expect(issues).toEqual([]);
    expect(params.get('Observation')?.components?.map(({ code, type }) => [code, type])).toEqual([
      ['component-code', 'token'],
      ['component-value-quantity', 'quantity'],
    ]);
  });

  it('takes a base of all resources as each of its types', () => {
    const text = judge({
      base: ['DomainResource'],
      expression: 'DomainResource.text.status',
    }).params;
    expect([text.has('Patient'), text.has('Bundle'), text.size > 140]).toEqual([true, false, true]);
  });

  it('finds that every parameter R4 publishes says what is there already', () => {
    const files = readdirSync(EXAMPLES).filter((name) => name.startsWith('SearchParameter-'));
    const others: string[] = [];
    for (const file of files) {
      const published = JSON.parse(readFileSync(new URL(file, EXAMPLES), 'utf8')) as Resource;
      if (!published.base) continue;
      const { params, issues } = judgeSearchParameter(published, { standard, present: standard });
      if (params.size + issues.length > 0) others.push(published.code as string);
    }
    // Extensions of R4's own; the first two have no expression, the third names another type.
    const wrong = ['age', 'birthOrderBoolean', 'part-agree'];
    const ours = ['din', 'assessed-condition', 'amino-acid-change', 'dna-variant'];
    ours.push('gene-amino-acid-change', 'gene-dnavariant', 'gene-identifier', 'item-subject');
    expect(others.sort()).toEqual([...wrong, ...ours, 'mothersMaidenName'].sort());
    expect(files.length).toBeGreaterThan(1390);
  });
});

describe('an expression that fails on a resource', () => {
  const extracted = (expression: string, values: readonly string[]) => {
    const [def] = judge({ expression }).params.values();
    const extractor = createExtractor({
      ...standard,
      searchParams: (type) => new Map(standard.searchParams(type)).set('ours', def as never),
    });
    const identifier = values.map((value) => ({ value }));
    const { tokens } = extractor.extract({ resourceType: 'Patient', active: true, identifier });
    return { tokens, faults: extractor.faults };
  };
  const LONG = `${'a'.repeat(40)}!`;

  it.each([
    ['Patient.identifier.single().value', ['x', 'y'], 'Expected single'],
    ['Patient.identifier.value.select($this > 5)', ['secret'], 'did not match type'],
    ["Patient.identifier.value.where(matches('^(a+)+$'))", [LONG], 'takes longer than'],
  ])('`%s` finds nothing by it, and what others find', (expression, values, why) => {
    const { tokens, faults } = extracted(expression, values);
    expect(tokens).toContain(tokenAny('Patient.active', 'true'));
    expect(tokens.filter((word) => word.startsWith('Patient.ours'))).toEqual([]);
    expect(faults).toEqual({ count: 1, last: expect.stringContaining(why) });
    expect(faults.last).toContain('Patient.ours');
    expect(faults.last).not.toContain('secret');
  });
});

describe('extensible()', () => {
  it('lays custom parameters over the standard ones until they are replaced', () => {
    const definitions = extensible(standard);
    const extractor = createExtractor(definitions);
    const words = () =>
      extractor.extract({ resourceType: 'Patient', maritalStatus: { coding: [{ code: 'M' }] } })
        .tokens;
    const word = tokenAny('Patient.ours', 'M');
    const [def] = judge({}).params.values();
    if (!def) throw new Error('no parameter');

    expect(words()).not.toContain(word);
    expect(definitions.setCustom(new Map([['Patient', [def]]]))).toEqual(['Patient']);
    extractor.forget('Patient');
    expect(words()).toContain(word);
    expect(definitions.setCustom(new Map([['Patient', [{ ...def }]]]))).toEqual([]);
    expect(definitions.searchParams('Patient').get('ours')).toBe(def);
    expect(standard.searchParams('Patient').has('ours')).toBe(false);
    expect(definitions.setCustom(new Map())).toEqual(['Patient']);
    expect(definitions.searchParams('Patient')).toBe(standard.searchParams('Patient'));
    expect(definitions.revision).toBe(standard.revision + 2);
  });
});
