import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compile } from '../../profiles/compile.ts';
import { branches, elementLookup, walk } from '../../profiles/compile-paths.ts';
import { listValueSet, sortListing } from '../../profiles/compile-values.ts';
import type { SearchRow, TypeRow } from '../../server/fhir/load-definitions.ts';

const COMMITTED = join(import.meta.dirname, '../../profiles/compiled');
const target = mkdtempSync(join(tmpdir(), 'kiln-compile-'));

beforeAll(() => {
  compile(target);
});
afterAll(() => rmSync(target, { recursive: true }));

describe('compile()', () => {
  it('writes the files that are committed, and no others', () => {
    expect(readdirSync(target).sort()).toEqual(readdirSync(COMMITTED).sort());
  });

  it.each(readdirSync(COMMITTED))('writes %s byte for byte as committed', (name) => {
    const same = readFileSync(join(target, name)).equals(readFileSync(join(COMMITTED, name)));
    expect(same, `${name} differs: run npm run compile and review the diff`).toBe(true);
  });
});

describe('the keys of address', () => {
  const rows = JSON.parse(
    readFileSync(join(COMMITTED, 'search-parameters.json'), 'utf8'),
  ) as SearchRow[];
  const address = rows.filter((row) => row.code === 'address');

  it.each(address.map((row) => [row.base, row] as const))('name its parts in %s', (base, row) => {
    const parts = ['address-city', 'address-country', 'address-postalcode', 'address-state'];
    expect(row.keys).toEqual(base === 'AuditEvent' ? undefined : ['address', ...parts]);
  });
});

describe('branches()', () => {
  it.each([
    ['A.b | C.d', ['A.b', 'C.d']],
    ['(A.b as Quantity) | (A.b as Range)', ['A.b.ofType(Quantity)', 'A.b.ofType(Range)']],
    ['(A.b as CodeableConcept).text', ['A.b.ofType(CodeableConcept).text']],
    ['A.b.as(Age)', ['A.b.ofType(Age)']],
    ['value.as(DateTime) | value.as(Period)', ['value.ofType(dateTime)', 'value.ofType(Period)']],
    ["A.where(x='|').c", ["A.where(x='|').c"]],
  ])('splits %s', (expression, expected) => {
    expect(branches(expression)).toEqual(expected);
  });
});

describe('walk()', () => {
  const rows = JSON.parse(readFileSync(join(COMMITTED, 'types.json'), 'utf8')) as TypeRow[];
  const lookup = elementLookup(rows);

  it.each([
    ['Observation.subject', false, ['Reference']],
    ['Observation.component.code', true, ['CodeableConcept']],
    ['Observation.value.ofType(Quantity)', false, ['Quantity']],
    ['Bundle.entry[0].resource', false, ['Resource']],
    ['Questionnaire.item.item.code', true, ['Coding']],
  ])('follows %s', (expression, many, types) => {
    expect(walk(expression, lookup)).toMatchObject({ many, types });
  });

  it.each(['Patient.nme', 'Patient.name.ofType(Period)', 'Patient.name.first()'])(
    'refuses %s',
    (expression) => {
      expect(() => walk(expression, lookup)).toThrow(/^Patient/);
    },
  );
});

describe('listValueSet()', () => {
  const system = 'urn:s';
  const codeSystem = {
    resourceType: 'CodeSystem',
    status: 'active',
    content: 'complete',
    url: system,
    concept: [
      { code: 'a', concept: [{ code: 'a1', concept: [{ code: 'a11' }] }, { code: 'a2' }] },
      { code: 'b', property: [{ code: 'kind', valueCode: 'x' }] },
    ],
  } as const;
  const isA = { property: 'concept', op: 'is-a', value: 'a1' } as const;

  it.each([
    ['a whole system', { include: [{ system }] }, ['a', 'a1', 'a11', 'a2', 'b']],
    ['listed concepts', { include: [{ system, concept: [{ code: 'b' }] }] }, ['b']],
    ['is-a', { include: [{ system, filter: [isA] }] }, ['a1', 'a11']],
    [
      'descendent-of',
      { include: [{ system, filter: [{ ...isA, op: 'descendent-of' as const }] }] },
      ['a11'],
    ],
    [
      'a property',
      { include: [{ system, filter: [{ property: 'kind', op: '=' as const, value: 'x' }] }] },
      ['b'],
    ],
    [
      'an exclusion',
      { include: [{ system }], exclude: [{ system, filter: [isA] }] },
      ['a', 'a2', 'b'],
    ],
    ['another value set', { include: [{ system, valueSet: ['urn:other'] }] }, ['b']],
    ['an unknown system', { include: [{ system: 'urn:ietf:bcp:13' }] }, undefined],
    ['itself', { include: [{ valueSet: ['urn:v'] }] }, undefined],
    [
      'a regular expression',
      { include: [{ system, filter: [{ property: 'code', op: 'regex' as const, value: 'a.*' }] }] },
      undefined,
    ],
  ])('resolves %s', (_name, compose, expected) => {
    const valueSet = (url: string, content: object) =>
      [url, { resourceType: 'ValueSet', status: 'active', url, compose: content }] as never;
    const listing = listValueSet('urn:v', {
      codeSystems: new Map([[system, codeSystem as never]]),
      valueSets: new Map([
        valueSet('urn:v', compose),
        valueSet('urn:other', { include: [{ system, concept: [{ code: 'b' }] }] }),
      ]),
    });
    expect(listing && sortListing(listing)[system]).toEqual(expected);
  });
});
