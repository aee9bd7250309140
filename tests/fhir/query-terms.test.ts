import { describe, expect, test } from 'vitest';
import { not, parse } from '../helpers/term.ts';

describe('_id and _lastUpdated', () => {
  test.each([
    ['Patient?_id=a,b', { kind: 'id', ids: ['a', 'b'] }],
    ['Patient?_id=no id', { kind: 'id', ids: [] }],
    ['Patient?_id:not=a', not({ kind: 'id', ids: ['a'] })],
    [
      'Patient?_lastUpdated=gt2019',
      {
        kind: 'lastUpdated',
        values: [{ prefix: 'gt', lo: Date.UTC(2019), hi: Date.UTC(2020) - 1 }],
      },
    ],
  ])('%s', (query, term) => {
    expect(parse(query)).toEqual(term);
  });
});
