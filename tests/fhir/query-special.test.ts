import { describe, expect, test } from 'vitest';
import { any, OWN, parse } from '../helpers/term.ts';

describe('special parameters', () => {
  const near = (km: number) => ({
    kind: 'near',
    key: 'Location.near',
    latitude: 42.25,
    longitude: -83.69,
    km,
  });
  test.each([
    ['42.25|-83.69|11.2|km', 11.2],
    ['42.25|-83.69|11.2', 11.2],
    ['42.25|-83.69|11.2|', 11.2],
    ['42.25|-83.69|500|m', 0.5],
    ['42.25|-83.69|10|[mi_i]', 16.09344],
    ['42.25|-83.69|10|[mi_us]', 16.09347219],
    ['42.25|-83.69|0|km', 0],
    ['42.25|-83.69||km', 50],
    ['42.25|-83.69', 50],
  ])('near=%s is within %d km', (value, km) => {
    expect(parse(`Location?near=${value}`)).toEqual(near(km));
  });

  test('near=a,b is near one of them', () => {
    expect(parse('Location?near=42.25|-83.69|1,42.25|-83.69|2')).toEqual(any(near(1), near(2)));
  });

  test.each([
    ['42.25', 'latitude|longitude|distance|units'],
    ['42.25|1|1|km|x', 'latitude|longitude|distance|units'],
    ['91|0', 'is not a latitude'],
    ['x|0', 'is not a latitude'],
    ['0|-180.5', 'is not a longitude'],
    ['0|0|-1', 'is not a distance'],
    ['0|0|x', 'is not a distance'],
    ['0|0|1|parsec', 'is not a unit of distance'],
    ['0|0|1|constructor', 'is not a unit of distance'],
  ])('near=%s is refused', (value, message) => {
    expect(() => parse(`Location?near=${value}`)).toThrow(message);
  });

  const listed = (...ids: string[]) => ({
    kind: 'has',
    source: 'List',
    key: 'List.item',
    patient: false,
    where: [{ kind: 'id', ids }],
  });
  test.each([
    ['42', listed('42')],
    ['42,List/43', listed('42', '43')],
    [`${OWN}/List/44`, listed('44')],
  ])('_list=%s', (value, term) => {
    expect(parse(`Patient?_list=${value}`)).toEqual(term);
  });

  test.each([
    ['Patient?_list=$current-problems', 'functional list', true],
    ['Patient?_list=Group/1', 'not a list of this server', false],
    ['Patient?_list=http://b.org/List/1', 'not a list of this server', false],
    ['Patient?_query=mine', 'no named queries', true],
    ['Patient?_filter=name eq x', 'not supported', true],
  ])('%s is refused', (query, message, unsupported) => {
    expect(() => parse(query)).toThrow(message);
    expect(() => parse(query)).toThrow(expect.objectContaining({ unsupported }));
  });
});
