import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../server/fhir/types.ts';
import {
  expandValueSet,
  type Library,
  needsOf,
  subsumed,
  TerminologyProblem,
} from '../../server/fhir/valueset.ts';

const ANIMALS = 'http://x.org/animals';
const code = (name: string, ...rest: JsonObject[]): JsonObject => ({
  code: name,
  ...(rest.length > 0 ? { concept: rest } : {}),
});

/** animal > (mammal > (dog > puppy, cat), bird); pet beside them, with children by property. */
const animals: JsonObject = {
  ...{ resourceType: 'CodeSystem', url: ANIMALS, content: 'complete', hierarchyMeaning: 'is-a' },
  property: [
    { code: 'legs', type: 'integer' },
    { code: 'isPartOf', uri: 'http://hl7.org/fhir/concept-properties#parent', type: 'code' },
    { code: 'notSelectable', type: 'boolean' },
    { code: 'inactive', type: 'boolean' },
  ],
  concept: [
    {
      code: 'animal',
      property: [{ code: 'notSelectable', valueBoolean: true }],
      concept: [
        code('mammal', code('dog', code('puppy')), {
          code: 'cat',
          display: 'Cat',
          property: [
            { code: 'legs', valueInteger: 4 },
            { code: 'isPartOf', valueCode: 'pet' },
          ],
        }),
        { code: 'bird', property: [{ code: 'legs', valueInteger: 2 }] },
        { code: 'dodo', property: [{ code: 'inactive', valueBoolean: true }] },
      ],
    },
    code('pet'),
  ],
};

const valueSet = (url: string, rest: JsonObject): JsonObject => ({
  ...{ resourceType: 'ValueSet', url, status: 'active' },
  ...rest,
});
const include = (...parts: JsonObject[]): JsonObject => ({ compose: { include: parts } });
const listed = (...codes: string[]): JsonObject => ({
  system: ANIMALS,
  concept: codes.map((one) => ({ code: one })),
});

function library(...resources: JsonObject[]): Library {
  const find = (type: string, url: string) =>
    resources.find((one) => one.resourceType === type && one.url === url);
  return {
    valueSet: (url) => find('ValueSet', url),
    codeSystem: (url) => find('CodeSystem', url),
    builtIn: (url) =>
      url === 'http://x.org/built-in' ? new Map([[ANIMALS, new Set(['cat', 'cow'])]]) : undefined,
  };
}

/** The codes of the value set made of `rest`, over the animals and other value sets. */
function codesOf(rest: JsonObject, ...others: JsonObject[]): string {
  const root = valueSet('http://x.org/root', rest);
  const codes = expandValueSet('http://x.org/root', library(root, animals, ...others));
  return codes.map((one) => one.code).join(' ');
}

const filter = (property: string, op: string, value: string): JsonObject => ({
  system: ANIMALS,
  filter: [{ property, op, value }],
});

describe('expandValueSet()', () => {
  it('takes the codes of a stored expansion at any depth, but no abstract ones', () => {
    const root = valueSet('u', {
      expansion: {
        contains: [
          { system: 's', code: 'group', abstract: true, contains: [{ system: 's', code: 'a' }] },
          { display: 'only a heading', contains: [{ system: 't', code: 'a' }] },
        ],
      },
      ...include(listed('cat')),
    });
    expect(expandValueSet('u', library(root))).toEqual([
      { system: 't', code: 'a' },
      { system: 's', code: 'a' },
    ]);
  });

  const page = { contains: [{ system: ANIMALS, code: 'dog' }] };
  const unclosed = 'http://hl7.org/fhir/StructureDefinition/valueset-unclosed';
  it.each<[string, JsonObject, string]>([
    ['codes of compose', include(listed('cat', 'cow')), 'cat cow'],
    ['several includes', include(listed('cat'), listed('dog', 'cat')), 'cat dog'],
    [
      'compose where the expansion is a page',
      { expansion: { ...page, total: 2 }, ...include(listed('cat')) },
      'cat',
    ],
    [
      'compose where the expansion is open',
      {
        expansion: { ...page, extension: [{ url: unclosed, valueBoolean: true }] },
        ...include(listed('cat')),
      },
      'cat',
    ],
    [
      'the expansion where it is whole',
      { expansion: { ...page, total: 1 }, ...include(listed('cat')) },
      'dog',
    ],
    ['a code system', include({ system: ANIMALS }), 'mammal dog puppy cat bird dodo pet'],
    ['is-a', include(filter('concept', 'is-a', 'mammal')), 'mammal dog puppy cat'],
    ['is-a by a property', include(filter('concept', 'is-a', 'pet')), 'cat pet'],
    ['descendent-of', include(filter('concept', 'descendent-of', 'mammal')), 'dog puppy cat'],
    ['is-not-a', include(filter('concept', 'is-not-a', 'mammal')), 'bird dodo pet'],
    ['generalizes', include(filter('concept', 'generalizes', 'puppy')), 'mammal dog puppy'],
    ['= on code', include(filter('code', '=', 'cat')), 'cat'],
    ['in on code', include(filter('code', 'in', 'cat, dog')), 'dog cat'],
    ['= on a property', include(filter('legs', '=', '4')), 'cat'],
    ['exists', include(filter('legs', 'exists', 'true')), 'cat bird'],
    ['not-in', include(filter('legs', 'not-in', '2,4')), 'mammal dog puppy dodo pet'],
    ['= on parent', include(filter('parent', '=', 'mammal')), 'dog cat'],
    [
      'all filters at once',
      include({
        system: ANIMALS,
        filter: [
          { property: 'concept', op: 'is-a', value: 'mammal' },
          { property: 'display', op: '=', value: 'Cat' },
        ],
      }),
      'cat',
    ],
    [
      'active codes only',
      { compose: { inactive: false, include: [{ system: ANIMALS }] } },
      'mammal dog puppy cat bird pet',
    ],
    [
      'all but the excluded',
      {
        compose: {
          include: [listed('cat', 'dog', 'cow')],
          exclude: [filter('concept', 'is-a', 'dog'), listed('cow')],
        },
      },
      'cat',
    ],
    [
      'all but those of a system that is not known here',
      {
        compose: {
          include: [listed('cat'), { system: 'http://y.org', concept: [{ code: 'a' }] }],
          exclude: [{ system: 'http://y.org' }],
        },
      },
      'cat',
    ],
    ['another value set', include({ valueSet: ['http://x.org/few'] }), 'cat dog'],
    [
      'what all parts of an include hold',
      include({ ...listed('dog', 'cow'), valueSet: ['http://x.org/few'] }),
      'dog',
    ],
    [
      'what all value sets of an include hold',
      include({ valueSet: ['http://x.org/few', 'http://x.org/built-in'] }),
      'cat',
    ],
  ])('takes %s', (_what, rest, expected) => {
    const few = valueSet('http://x.org/few', include(listed('cat', 'dog')));
    expect(codesOf(rest, few)).toBe(expected);
  });

  it('falls back to what comes with the server', () => {
    const codes = expandValueSet('http://x.org/built-in', library());
    expect(codes.map((one) => one.code)).toEqual(['cat', 'cow']);
  });

  const circle = (url: string, next: string) => valueSet(url, include({ valueSet: [next] }));
  const many = Array.from({ length: 10_001 }, (_, i) => ({ code: `c${i}` }));
  it.each<[string, JsonObject, string, string]>([
    [
      'an unknown value set',
      include({ valueSet: ['http://x.org/no'] }),
      'not-found',
      '"http://x.org/no" is not stored',
    ],
    [
      'an unknown code system',
      include({ system: 'http://y.org' }),
      'not-supported',
      '"http://y.org", which is not stored',
    ],
    [
      'a part of a code system',
      include({ system: 'http://x.org/part' }),
      'not-supported',
      'without all its concepts',
    ],
    [
      'a circle',
      include({ valueSet: ['http://x.org/a'] }),
      'not-supported',
      'includes itself: http://x.org/root > http://x.org/a > http://x.org/b > http://x.org/a',
    ],
    ['nothing at all', {}, 'not-supported', 'neither a complete expansion nor'],
    [
      'a page of an expansion alone',
      { expansion: { ...page, total: 2 } },
      'not-supported',
      'neither a complete expansion nor',
    ],
    [
      'a regular expression',
      include(filter('code', 'regex', 'c.*')),
      'not-supported',
      '"code regex"',
    ],
    ['an undeclared property', include(filter('wings', '=', '2')), 'not-supported', '"wings ="'],
    [
      'a filter on an unknown code',
      include(filter('concept', 'is-a', 'fish')),
      'code-invalid',
      '"fish"',
    ],
    [
      'more codes than a search can hold',
      include({ system: 's', concept: many }),
      'too-costly',
      '10001 codes',
    ],
  ])('refuses %s', (_what, rest, issue, message) => {
    const part = { resourceType: 'CodeSystem', url: 'http://x.org/part', content: 'fragment' };
    const [a, b] = [
      circle('http://x.org/a', 'http://x.org/b'),
      circle('http://x.org/b', 'http://x.org/a'),
    ];
    const problem = problemOf(() => codesOf(rest, part, a, b));
    expect(problem.code).toBe(issue);
    expect(problem.message).toContain(message);
    expect(problem.message).toContain('"http://x.org/root"');
  });
});

function problemOf(work: () => unknown): TerminologyProblem {
  try {
    work();
  } catch (error) {
    if (error instanceof TerminologyProblem) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('needsOf()', () => {
  it('names what compose builds on, and nothing where the expansion is whole', () => {
    const compose = {
      include: [
        { system: 's', version: '2', filter: [] },
        { ...listed('cat'), valueSet: ['v|1'] },
      ],
      exclude: [{ system: 't' }],
    };
    expect(needsOf({ compose })).toEqual({ valueSets: ['v|1'], codeSystems: ['s|2', 't'] });
    expect(needsOf({ compose, expansion: page() })).toEqual({ valueSets: [], codeSystems: [] });
  });
  const page = () => ({ contains: [{ system: ANIMALS, code: 'dog' }] });
});

describe('subsumed()', () => {
  it.each<[string, 'above' | 'below', string]>([
    ['mammal', 'below', 'mammal dog cat puppy'],
    ['puppy', 'below', 'puppy'],
    ['puppy', 'above', 'puppy dog mammal animal'],
    ['cat', 'above', 'cat mammal pet animal'],
    ['DOG', 'below', 'dog puppy'],
  ])('%s and what is %s it: %s', (of, direction, expected) => {
    expect(subsumed(animals, of, direction).join(' ')).toBe(expected);
  });

  it('ends where concepts go round', () => {
    const round = {
      ...{ ...animals, property: [] },
      concept: [
        { code: 'a', property: [{ code: 'parent', valueCode: 'b' }] },
        {
          code: 'b',
          property: [
            { code: 'child', valueCode: 'c' },
            { code: 'parent', valueCode: 'a' },
          ],
        },
        { code: 'c' },
      ],
    };
    expect(subsumed(round, 'a', 'below')).toEqual(['a', 'b', 'c']);
  });

  it.each<[string, JsonObject, string, string]>([
    ['an unknown code', {}, 'fish', 'has no code "fish"'],
    ['a code in other letters where case counts', { caseSensitive: true }, 'DOG', 'has no code'],
    ['a part of a code system', { content: 'fragment' }, 'dog', 'without all its concepts'],
    ['a hierarchy of parts', { hierarchyMeaning: 'part-of' }, 'dog', 'means "part-of"'],
  ])('refuses %s', (_what, change, of, message) => {
    const problem = problemOf(() => subsumed({ ...animals, ...change }, of, 'below'));
    expect(problem.message).toContain(message);
  });
});
