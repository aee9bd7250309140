import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  dateRange,
  MAX_MS,
  MIN_MS,
  parseSearchDate,
  periodRange,
  timingRange,
} from '../../server/fhir/date.ts';

/** [text, first and last instant, zone of texts without one in minutes]. */
const CASES: [text: string, lo: string, hi: string, zone?: number][] = [
  ['2015', '2015-01-01T00:00:00.000Z', '2015-12-31T23:59:59.999Z'],
  ['2015-02', '2015-02-01T00:00:00.000Z', '2015-02-28T23:59:59.999Z'],
  ['2016-02', '2016-02-01T00:00:00.000Z', '2016-02-29T23:59:59.999Z'],
  ['2015-12-31', '2015-12-31T00:00:00.000Z', '2015-12-31T23:59:59.999Z'],
  ['2015-12-31', '2015-12-30T22:00:00.000Z', '2015-12-31T21:59:59.999Z', 120],
  ['2015', '2015-01-01T05:00:00.000Z', '2016-01-01T04:59:59.999Z', -300],
  ['2015-03-04T05:06', '2015-03-04T05:06:00.000Z', '2015-03-04T05:06:59.999Z'],
  ['2015-03-04T05:06+01:00', '2015-03-04T04:06:00.000Z', '2015-03-04T04:06:59.999Z'],
  ['2015-03-04T05:06:07Z', '2015-03-04T05:06:07.000Z', '2015-03-04T05:06:07.999Z'],
  ['2015-03-04T05:06:07', '2015-03-04T03:06:07.000Z', '2015-03-04T03:06:07.999Z', 120],
  ['2015-03-04T05:06:07Z', '2015-03-04T05:06:07.000Z', '2015-03-04T05:06:07.999Z', 120],
  ['2015-03-04T05:06:07-14:00', '2015-03-04T19:06:07.000Z', '2015-03-04T19:06:07.999Z'],
  ['2015-03-04T05:06:07.1Z', '2015-03-04T05:06:07.100Z', '2015-03-04T05:06:07.199Z'],
  ['2015-03-04T05:06:07.12Z', '2015-03-04T05:06:07.120Z', '2015-03-04T05:06:07.129Z'],
  ['2015-03-04T05:06:07.123Z', '2015-03-04T05:06:07.123Z', '2015-03-04T05:06:07.123Z'],
  ['2015-03-04T05:06:07.123999999Z', '2015-03-04T05:06:07.123Z', '2015-03-04T05:06:07.123Z'],
  ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00.000Z', '2017-01-01T00:00:00.999Z'],
  ['0099-01-01', '0099-01-01T00:00:00.000Z', '0099-01-01T23:59:59.999Z'],
];

const NO_DATES = [
  ...['', '0000', '215', '2015-', '2015-13', '2015-00', '2015-1', '2015-02-29', '2021-02-30'],
  ...['2015-04-31', '2015-01-00', '2015-01-01T', '2015-01-01T10', '2015-01-01T24:00:00Z'],
  ...['2015-01-01T10:60', '2015-01-01T10:00:61Z', '2015-01-01T10:00:00.Z', '20150101', 'today'],
  ...['2015-01-01T10:00:00+1:00', '2015-01-01T10:00:00+14:01', '2015-01-01T10:00:00z', '2015 '],
  ...['2015-01-01 10:00:00', '2015-01-01T10:00:00ZZ', '-2015', '2015-01-01T10:00:00 01:00'],
];

const ms = (text: string): number => Date.parse(text);
const DAY = 86_400_000;

describe('dateRange()', () => {
  test.each(CASES)('reads %s as its whole period', (text, lo, hi, zone) => {
    expect(dateRange(text, zone)).toEqual({ lo: ms(lo), hi: ms(hi) });
  });

  test.each(NO_DATES)('refuses %j', (text) => {
    expect(dateRange(text)).toBeUndefined();
  });

  const instant = fc.date({
    min: new Date('0001-01-02T00:00:00Z'),
    max: new Date('9998-12-30T00:00:00Z'),
    noInvalidDate: true,
  });

  test('holds the instant that each precision of its text was cut from', () => {
    fc.assert(
      fc.property(instant, (date) => {
        const text = date.toISOString();
        const at = date.getTime();
        let outer = { lo: MIN_MS, hi: MAX_MS };
        for (const cut of [4, 7, 10, 16, 19, 21, 22, 23]) {
          const range = dateRange(cut > 10 ? `${text.slice(0, cut)}Z` : text.slice(0, cut));
          if (!range) throw new Error(`${text.slice(0, cut)} has no range`);
          expect(range.lo).toBeLessThanOrEqual(at);
          expect(range.hi).toBeGreaterThanOrEqual(at);
          // A finer text lies inside of the coarser one.
          expect(range.lo).toBeGreaterThanOrEqual(outer.lo);
          expect(range.hi).toBeLessThanOrEqual(outer.hi);
          outer = range;
        }
        expect(outer).toEqual({ lo: at, hi: at });
      }),
    );
  });

  test('leaves no gap between a period and the next', () => {
    fc.assert(
      fc.property(instant, (date) => {
        const day = date.toISOString().slice(0, 10);
        for (const text of [day, day.slice(0, 7), day.slice(0, 4)]) {
          const range = dateRange(text);
          if (!range) throw new Error(`${text} has no range`);
          const next = new Date(range.hi + 1).toISOString().slice(0, text.length);
          expect(dateRange(next)?.lo).toBe(range.hi + 1);
          expect(next > text).toBe(true);
        }
      }),
    );
  });

  test('shifts by the zone of the text', () => {
    const minutes = fc.integer({ min: -14 * 60, max: 14 * 60 });
    fc.assert(
      fc.property(instant, minutes, (date, offset) => {
        const local = date.toISOString().slice(0, 19);
        const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
        const absolute = Math.abs(offset);
        const zone = `${offset < 0 ? '-' : '+'}${two(absolute / 60)}:${two(absolute % 60)}`;
        expect(dateRange(local + zone)).toEqual(dateRange(local, offset));
        expect(dateRange(local + zone)?.lo).toBe(ms(`${local}Z`) - offset * 60_000);
      }),
    );
  });

  test('never throws nor ends before it starts', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9TZ:+.-]{0,26}$/), (text) => {
        const range = dateRange(text);
        if (range) expect(range.hi).toBeGreaterThanOrEqual(range.lo);
      }),
    );
  });
});

describe('parseSearchDate()', () => {
  test.each([
    ['2015', 'year'],
    ['2015-06', 'month'],
    ['2015-06-07', 'day'],
    ['2015-06-07T08:09', 'minute'],
    ['2015-06-07T08:09:10Z', 'second'],
    ['2015-06-07T08:09:10.5Z', 'fraction'],
  ])('tells the precision of %s', (text, precision) => {
    expect(parseSearchDate(text)?.precision).toBe(precision);
  });
});

describe('periodRange()', () => {
  test('goes from the start of the first to the end of the last', () => {
    const range = { lo: ms('2015-01-01'), hi: ms('2016-01-01') - 1 };
    expect(periodRange('2015', '2015-12')).toEqual(range);
  });

  test.each([
    ['2015-01-01', undefined, { lo: ms('2015-01-01'), hi: MAX_MS }],
    [undefined, '2015-01-01', { lo: MIN_MS, hi: ms('2015-01-01') + DAY - 1 }],
    [undefined, undefined, undefined],
    ['2015', '2014', undefined],
    ['never', 'ever', undefined],
  ])('reads %j to %j', (start, end, expected) => {
    expect(periodRange(start, end)).toEqual(expected);
  });
});

describe('timingRange()', () => {
  test('spans events and bounds', () => {
    const repeat = { boundsPeriod: { start: '2015-01-05', end: '2015-01-06' } };
    const event = ['2015-02-03', '2015-01-01'];
    expect(timingRange({ event, repeat })).toEqual({
      lo: ms('2015-01-01'),
      hi: ms('2015-02-04') - 1,
    });
    expect(timingRange({ repeat })).toEqual({ lo: ms('2015-01-05'), hi: ms('2015-01-07') - 1 });
  });

  test('has no range without either', () => {
    expect(timingRange({})).toBeUndefined();
    expect(timingRange({ event: ['soon'], repeat: {} })).toBeUndefined();
  });
});
