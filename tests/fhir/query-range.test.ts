import { describe, expect, test } from 'vitest';
import { parse } from '../helpers/term.ts';

describe('parameters with an order', () => {
  test('are looked up where their values are', () => {
    expect(parse('Observation?date=ge2013,2014')).toMatchObject({
      kind: 'date',
      main: true,
      values: [{ prefix: 'ge' }, { prefix: 'eq' }],
    });
    expect(parse('Observation?value-date=2013')).toMatchObject({ kind: 'date', main: false });
    expect(parse('Observation?combo-value-quantity=5||mg')).toMatchObject({
      kind: 'number',
      keys: ['Observation.component-value-quantity', 'Observation.value-quantity'],
      values: [{ unit: { code: 'mg' } }],
    });
    expect(parse('RiskAssessment?probability=gt0.8')).toMatchObject({
      kind: 'number',
      keys: ['RiskAssessment.probability'],
    });
  });

  test.each([
    ['Patient', 'birthdate', '2013-13', 'is not a date'],
    ['RiskAssessment', 'probability', 'high', 'is not a number for probability'],
    ['Observation', 'value-quantity', '5.4|mg', 'is not a quantity'],
  ])('refuse what they cannot read: %s.%s=%s', (type, code, text, message) => {
    expect(() => parse(`${type}?${code}=${text}`)).toThrow(message);
  });
});
