import { describe, expect, it } from 'vitest';
import {
  impliedPrecision,
  isNumber,
  numberOf,
  numberText,
  numberValue,
} from '../../server/fhir/decimal.ts';

describe('impliedPrecision()', () => {
  it.each([
    // R4 3.1.1.4.5 and 3.1.1.4.12
    ['100', 99.5, 100.5],
    ['100.00', 99.995, 100.005],
    ['1e2', 95, 105],
    ['5.4', 5.35, 5.45],
    ['5.40e-3', 0.005395, 0.005405],
    ['5.4e-3', 0.00535, 0.00545],
    ['5.4E+1', 53.5, 54.5],
    ['-5.4', -5.45, -5.35],
    ['0', -0.5, 0.5],
    ['0.1', 0.05, 0.15],
    ['0.30', 0.295, 0.305],
    ['1.005', 1.0045, 1.0055],
    ['+7', 6.5, 7.5],
  ])('takes %s for [%d, %d)', (text, lo, hi) => {
    expect(impliedPrecision(text)).toEqual({ lo, hi });
  });

  it.each(['', 'x', '1,5', '.5', '1e', '0x10', 'NaN', '9'.repeat(2000)])('refuses %j', (text) => {
    expect(() => impliedPrecision(text)).toThrow(RangeError);
  });
});

describe('numberOf()', () => {
  it.each(['0', '-1', '12.5', '0.000001', '100000000000000000000', '1e+21', '1e-7'])(
    'gives a number for %s, which JavaScript prints alike',
    (text) => {
      expect(numberOf(text)).toBe(Number(text));
    },
  );

  it.each(['1.00', '-0', '1e2', '1E5', '0.0', '12345678901234567890.5', '1e-400', '1e999'])(
    'keeps the text of %s',
    (text) => {
      const number = numberOf(text);
      expect(isNumber(number)).toBe(true);
      expect(JSON.stringify([number])).toBe(`[${text}]`);
      expect(numberText(number!)).toBe(text);
      expect(numberValue(number!)).toBe(Number(text));
    },
  );

  it.each(['', ' 1', '01', '1.', '.5', '+1', '1e', 'NaN', 'Infinity', '0x1', '1_0'])(
    'gives nothing for %j',
    (text) => {
      expect(numberOf(text)).toBeUndefined();
    },
  );
});
