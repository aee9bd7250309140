import { describe, expect, test } from 'vitest';
import { compositePlan, createExtractor } from '../../server/fhir/extract.ts';
import { loadDefinitions } from '../../server/fhir/load-definitions.ts';
import { compositeKey, tokenAny, tokenExact } from '../../server/fhir/terms.ts';

const definitions = loadDefinitions();
const extractor = createExtractor(definitions);

function planOf(type: string, code: string) {
  const def = definitions.searchParams(type).get(code);
  if (!def) throw new Error(`${type} has no ${code}`);
  return compositePlan(definitions, type, def);
}

const LOINC = 'http://loinc.org';
const coded = (code: string) => ({ coding: [{ system: LOINC, code }] });

describe('compositePlan()', () => {
  test.each([
    ['Observation', 'code-value-quantity', { and: ['code', 'value-quantity'] }],
    ['Observation', 'code-value-string', { and: ['code', 'value-string'] }],
    ['Observation', 'code-value-date', { and: ['code', 'value-date'] }],
    [
      'Observation',
      'combo-code-value-quantity',
      { and: ['code', 'value-quantity'], wordsKey: 'Observation.component-code-value-quantity' },
    ],
    [
      'Observation',
      'component-code-value-concept',
      { wordsKey: 'Observation.component-code-value-concept' },
    ],
    ['DocumentReference', 'relationship', { wordsKey: 'DocumentReference.relationship' }],
  ])('answers %s.%s by %j', (type, code, plan) => {
    const { components: _, ...rest } = planOf(type, code);
    expect(rest).toEqual(plan);
  });

  test('reads each part by the type of its values, where R4 exchanged the expressions', () => {
    expect(planOf('DocumentReference', 'relationship').components).toEqual([
      { code: 'relatesto', type: 'reference' },
      { code: 'relation', type: 'token' },
    ]);
    expect(planOf('Observation', 'combo-code-value-quantity').components).toEqual([
      { code: 'combo-code', type: 'token' },
      { code: 'combo-value-quantity', type: 'quantity' },
    ]);
  });

  test('has an answer for every composite of R4', () => {
    const without: string[] = [];
    for (const type of definitions.resourceTypes) {
      for (const def of definitions.searchParams(type).values()) {
        if (def.type !== 'composite') continue;
        const plan = compositePlan(definitions, type, def);
        if (!plan.and && !plan.wordsKey) without.push(`${type}.${def.code}`);
      }
    }
    expect(without).toEqual([]);
  });
});

describe('extract() composites', () => {
  const KEY = 'Observation.component-code-value-quantity';
  const pressure = {
    resourceType: 'Observation',
    code: coded('85354-9'),
    component: [
      { code: coded('8480-6'), valueQuantity: { value: 120 } },
      { code: coded('8462-4'), valueQuantity: { value: 80 } },
      { code: coded('8478-0') },
      { valueQuantity: { value: 1 } },
    ],
  };

  test('join values of the same element only', () => {
    const rows = extractor.extract(pressure).numbers.filter((row) => row.key.startsWith(KEY));
    const key = (code: string) => [
      compositeKey(KEY, [tokenExact('', LOINC, code)]),
      compositeKey(KEY, [tokenAny('', code)]),
    ];
    expect(rows).toEqual([
      ...key('8480-6').map((one) => ({ key: one, lo: 120, hi: 120 })),
      ...key('8462-4').map((one) => ({ key: one, lo: 80, hi: 80 })),
    ]);
  });

  test('are words where all components are exact', () => {
    const { tokens } = extractor.extract({
      resourceType: 'DocumentReference',
      relatesTo: [
        { code: 'replaces', target: { reference: 'DocumentReference/1' } },
        { code: 'signs', target: { reference: 'DocumentReference/2' } },
      ],
    });
    const word = (system: string | undefined, code: string, target: string) =>
      compositeKey('DocumentReference.relationship', [target, tokenExact('', system, code)]);
    const system = 'http://hl7.org/fhir/document-relationship-type';
    expect(tokens).toContain(word(undefined, 'replaces', 'DocumentReference/1'));
    expect(tokens).toContain(word(system, 'replaces', 'DocumentReference/1'));
    expect(tokens).not.toContain(word(undefined, 'replaces', 'DocumentReference/2'));
    expect(tokens.filter((one) => one.includes('\u0002') && one.includes('$'))).toEqual([]);
  });

  test('span a window of a sequence, with the chromosome of the resource', () => {
    const { numbers } = extractor.extract({
      resourceType: 'MolecularSequence',
      coordinateSystem: 0,
      referenceSeq: { chromosome: coded('LA1'), windowStart: 5, windowEnd: 9 },
      variant: [{ start: 6, end: 7 }],
    });
    const at = (code: string) =>
      compositeKey(`MolecularSequence.${code}`, [tokenExact('', LOINC, 'la1')]);
    expect(numbers).toContainEqual({ key: at('chromosome-window-coordinate'), lo: 5, hi: 9 });
    expect(numbers).toContainEqual({ key: at('chromosome-variant-coordinate'), lo: 6, hi: 7 });
  });

  test('stay bounded where codings multiply', () => {
    const coding = Array.from({ length: 1000 }, (_, i) => ({ code: `c${i}` }));
    const component = [{ code: { coding }, valueCodeableConcept: { coding } }];
    const { tokens } = extractor.extract({ resourceType: 'Observation', component });
    const key = 'Observation.component-code-value-concept$';
    const count = tokens.filter((word) => word.startsWith(key)).length;
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThanOrEqual(256);
  });
});
