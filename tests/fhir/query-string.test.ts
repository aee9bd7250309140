import { describe, expect, test } from 'vitest';
import { all, parse } from '../helpers/term.ts';

describe('strings (R4 3.1.1.4.8)', () => {
  const keys = ['Patient.family'];
  const string = (match: string, ...values: string[]) => ({ kind: 'string', keys, match, values });
  test.each([
    ['Patient?family=Müller', string('start', 'muller')],
    ['Patient?family=STRASSE', string('start', 'strasse')],
    ['Patient?family=Straße', string('start', 'strasse')],
    ['Patient?family=Łukasz Øster', string('start', 'lukasz oster')],
    ['Patient?family=ΟΔΟΣ', string('start', 'οδοσ')],
    ['Patient?family= van \t den  Berg', string('start', 'van den berg')],
    ['Patient?family=a\\,b,C', string('start', 'a,b', 'c')],
    ['Patient?family:contains=ÉVE', string('contains', 'eve')],
    ['Patient?family:exact=Éve', { kind: 'exact', keys, values: ['\u00c9ve', 'E\u0301ve'] }],
    ['Patient?family:exact= Eve  x ', { kind: 'exact', keys, values: [' Eve  x '] }],
    ['Patient?family:exact=a\\,b,C', { kind: 'exact', keys, values: ['a,b', 'C'] }],
    ['Patient?family:text=Berg  Van', all(string('start', 'berg'), string('start', 'van'))],
    [
      'Patient?phonetic=x',
      { kind: 'string', keys: ['Patient.name'], match: 'start', values: ['x'] },
    ],
  ])('%s', (query, term) => {
    expect(parse(query)).toEqual(term);
  });

  test.each([
    ['Patient?family=\u0301', 'no letters'],
    [`Patient?family=${'a'.repeat(501)}`, 'longer than 500'],
    [`Patient?family:exact=${'a'.repeat(501)}`, 'longer than 500'],
    [`Patient?family:text=${Array.from({ length: 21 }, (_, i) => i).join(' ')}`, '20 words'],
  ])('%s is refused', (query, message) => {
    expect(() => parse(query)).toThrow(message);
  });
});
