import { describe, expect, test } from 'vitest';
import { canonicalUnit } from '../../server/fhir/ucum.ts';

/** A value in base units, worked out by the code's canonical form. */
function canonical(value: number, code: string): { canon: string; value: number } {
  const unit = canonicalUnit(code);
  if (!unit) throw new Error(`${code} is no unit`);
  return { canon: unit.canon, value: value * unit.factor + unit.shift };
}

describe('canonicalUnit()', () => {
  test.each([
    [5.4, 'mg', 0.0054, 'g'],
    [1, 'kg', 1000, 'g'],
    [1, '[lb_av]', 453.59237, 'g'],
    [1, '[in_i]', 2.54, 'cm'],
    [7, 'mmol/L', 7, 'mol/m3'],
    [1, 'mol/L', 1e6, 'umol/L'],
    [1, 'osm/kg', 1000, 'mosm/kg'],
    [2, 'meq/L', 2, 'eq/m3'],
    [120, 'mm[Hg]', 15998.64, 'Pa'],
    [1, 'bar', 100, 'kPa'],
    [90, 'min', 1.5, 'h'],
    [1, 'a', 365.25, 'd'],
    [60, '/h', 1, '/min'],
    [72, '{beats}/min', 1.2, 'Hz'],
    [5, '10*3/uL', 5e9, '/L'],
    [5, '10*9/L', 5, '10*3/mm3'],
    [4.5, '10*6/uL', 4.5, '10*12/L'],
    [100, 'mg/dL', 1, 'g/L'],
    [100, 'mg%', 1, 'g/L'],
    [50, '%', 0.5, '1'],
    [60, 'U/L', 1, 'ukat/L'],
    [37, 'Cel', 310.15, 'K'],
    [98.6, '[degF]', 37, 'Cel'],
    [-40, 'Cel', -40, '[degF]'],
    [80, '[degRe]', 100, 'Cel'],
    [100, 'mCel', 0.1, 'Cel'],
    [180, 'deg', Math.PI, 'rad'],
    [2, 'm[iU]/mL', 2, '[iU]/L'],
    [2, 'u[IU]/mL', 2, 'm[iU]/L'],
    [3, '10*3.[iU]/mL', 3, 'k[iU]/mL'],
    [3, '[iU]{x}', 3, '[IU]'],
    [8, 'mL/min/{1.73_m2}', 8, 'mL/min'],
  ])('takes %f %s as %f %s', (value, code, same, other) => {
    const one = canonical(value, code);
    const two = canonical(same, other);
    expect(one.canon).toBe(two.canon);
    expect(one.value / two.value).toBeCloseTo(1, 12);
  });

  test.each([
    ['g', 'mol'],
    ['mol', '1'],
    ['mol', 'eq'],
    ['[iU]', "[arb'U]"],
    ['[iU]', '1'],
    ['[iU]/L', '/L'],
    ['[pH]', 'mol/L'],
    ['dB', '1'],
    ['mg', 'mg/dL'],
  ])('keeps %s and %s apart', (one, other) => {
    expect(canonicalUnit(one)?.canon).not.toBe(canonicalUnit(other)?.canon);
  });

  test.each(['[pH]', 'dB', '[diop]', "[hp'_X]", '[iU]2/[iU]', 'g/[iU]'])(
    'leaves %s as it is',
    (code) => {
      expect(canonicalUnit(code)).toEqual({ canon: code, factor: 1, shift: 0 });
    },
  );

  test.each(['', 'gram', 'mmHg', 'degF', ' mg', 'mg ', 'MMOL/L', 'Cel2', '[pH', 'a'.repeat(500)])(
    'knows no unit %j',
    (code) => {
      expect(canonicalUnit(code)).toBeUndefined();
    },
  );
});
