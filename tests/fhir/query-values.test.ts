import { describe, expect, test } from 'vitest';
import {
  parseDateValue,
  parseNumberValue,
  parseQuantityValue,
  splitEscaped,
  unescaped,
} from '../../server/fhir/query-values.ts';
import { NOW } from '../helpers/term.ts';

describe('escapes (R4 3.1.1.4.19)', () => {
  test.each([
    ['a,b', ['a', 'b']],
    ['a\\,b,c', ['a,b', 'c']],
    ['a\\\\,b', ['a\\', 'b']],
    ['', ['']],
    ['a\\x', ['a\\x']],
    ['\\', ['\\']],
  ])('%j has the values %j', (text, values) => {
    expect(splitEscaped(text, ',').map(unescaped)).toEqual(values);
  });
});

const date = (text: string, zone = 0) => parseDateValue(text, zone, NOW);

describe('dates (R4 3.1.1.4.7)', () => {
  const H = 3_600_000;
  test.each([
    ['2013', 0, Date.UTC(2013), Date.UTC(2014)],
    ['2012-02', 0, Date.UTC(2012, 1), Date.UTC(2012, 2)],
    ['2013-01-14', 0, Date.UTC(2013, 0, 14), Date.UTC(2013, 0, 15)],
    ['2013-01-14', 120, Date.UTC(2013, 0, 14) - 2 * H, Date.UTC(2013, 0, 15) - 2 * H],
    ['2013-01-14T10:00', 0, Date.UTC(2013, 0, 14, 10), Date.UTC(2013, 0, 14, 10, 1)],
    ['2013-01-14T10:00Z', 120, Date.UTC(2013, 0, 14, 10), Date.UTC(2013, 0, 14, 10, 1)],
    ['2013-01-14T10:00+02:00', 0, Date.UTC(2013, 0, 14, 8), Date.UTC(2013, 0, 14, 8, 1)],
    ['2013-01-14T10:00 02:00', 0, Date.UTC(2013, 0, 14, 8), Date.UTC(2013, 0, 14, 8, 1)],
    ['2013-01-14T10:00:01-05:30', 0, Date.UTC(2013, 0, 14, 15, 30, 1), undefined],
    ['2013-01-14T10:00:01.5Z', 0, Date.UTC(2013, 0, 14, 10, 0, 1, 500), undefined],
  ])('%s in zone %i', (text, zone, lo, next) => {
    const value = date(text, zone);
    expect(value).toMatchObject({ prefix: 'eq', lo });
    if (next !== undefined) expect(value?.hi).toBe(next - 1);
  });

  test.each(['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb'])('takes the prefix %s', (prefix) => {
    expect(date(`${prefix}2013`)).toEqual({ ...date('2013'), prefix });
  });

  test('ap widens by a tenth of the time between the date and now', () => {
    const lo = Date.UTC(2010, 0, 1);
    const slack = Math.round((NOW - lo) / 10);
    const hi = Date.UTC(2010, 0, 2) - 1;
    expect(date('ap2010-01-01')).toEqual({ prefix: 'ap', lo: lo - slack, hi: hi + slack });
  });

  test.each([
    ...['', 'gt', '13', '2013-13', '2013-02-29', '2013-1-1', '2013-01-14T10', 'GT2013'],
    ...['2013-01-14T24:00', '2013-01-14T10:60', '2013-01-14Z', '2013-01-14T10:00+15:00', 'po2013'],
  ])('refuses %j', (text) => {
    expect(date(text)).toBeUndefined();
  });
});

describe('numbers (R4 3.1.1.4.6)', () => {
  test.each([
    ['100', 'eq', 100, 99.5, 100.5],
    ['100.00', 'eq', 100, 99.995, 100.005],
    ['1e2', 'eq', 100, 95, 105],
    ['1.00e2', 'eq', 100, 99.5, 100.5],
    ['1e 2', 'eq', 100, 95, 105],
    ['-5.4', 'eq', -5.4, -5.45, -5.35],
    ['lt100', 'lt', 100, 99.5, 100.5],
    ['ap100', 'ap', 100, 90, 110],
    ['ap-100', 'ap', -100, -110, -90],
    ['ap0', 'ap', 0, 0, 0],
  ])('%s', (text, prefix, value, lo, hi) => {
    expect(parseNumberValue(text)).toEqual({ prefix, value, lo, hi });
  });

  test.each(['', 'gt', 'x', '1,5', '0x10', 'Infinity', 'NaN', '1e999', '5 4', '5.4 mg'])(
    'refuses %j',
    (text) => {
      expect(parseNumberValue(text)).toBeUndefined();
    },
  );
});

describe('quantities (R4 3.1.1.4.11)', () => {
  const UCUM = 'http://unitsofmeasure.org';
  test.each([
    ['5.4', undefined],
    [`5.4|${UCUM}|mg`, { system: UCUM, code: 'mg' }],
    [`le5.4|${UCUM}|mg`, { system: UCUM, code: 'mg' }],
    ['5.4||mg', { code: 'mg' }],
    ['5.4||a\\|b', { code: 'a|b' }],
    [`5.4|${UCUM}|`, { system: UCUM }],
  ])('%s', (text, unit) => {
    expect(parseQuantityValue(text)?.value).toBe(5.4);
    expect(parseQuantityValue(text)?.unit).toEqual(unit);
  });

  test.each(['5.4|', '5.4||', '5.4|mg', `5.4|${UCUM}|mg|x`, '|u|mg', 'x||mg'])(
    'refuses %j',
    (text) => {
      expect(parseQuantityValue(text)).toBeUndefined();
    },
  );
});
