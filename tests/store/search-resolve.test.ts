import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FhirError } from '../../server/fhir/error.ts';
import type { Term } from '../../server/fhir/query.ts';
import { codesTerm } from '../../server/fhir/query-terms.ts';
import type { JsonObject, Resource } from '../../server/fhir/types.ts';
import type { Context, Run } from '../../server/store/context.ts';
import { openContext } from '../../server/store/open.ts';
import { resolveTerms } from '../../server/store/search-resolve.ts';
import {
  actor,
  BASE,
  definitions,
  type OpenStores,
  openStores,
  put,
  queryOf,
} from '../helpers/store.ts';

let open: OpenStores;
let context: Context;
let closeContext: () => Promise<void>;

const SYSTEM = 'http://x.org/animals';
const url = (name: string): string => `http://x.org/${name}`;

const location = (id: string, partOf?: string): Resource & { id: string } => ({
  ...{ resourceType: 'Location', id },
  ...(partOf === undefined ? {} : { partOf: { reference: `Location/${partOf}` } }),
});
const valueSet = (id: string, rest: JsonObject): Resource & { id: string } => ({
  ...{ resourceType: 'ValueSet', id, status: 'active', url: url(id) },
  ...rest,
});
const codes = (...names: string[]): JsonObject => ({
  compose: { include: [{ system: SYSTEM, concept: names.map((code) => ({ code })) }] },
});
const imports = (...names: string[]): JsonObject => ({
  compose: { include: [{ valueSet: names.map(url) }] },
});

const animals: Resource & { id: string } = {
  ...{ resourceType: 'CodeSystem', id: 'animals', url: SYSTEM, status: 'active' },
  ...{ content: 'complete', hierarchyMeaning: 'is-a' },
  concept: [
    { code: 'mammal', concept: [{ code: 'dog', concept: [{ code: 'puppy' }] }, { code: 'cat' }] },
    { code: 'bird' },
  ],
};

const resources: (Resource & { id: string })[] = [
  animals,
  {
    ...{ ...animals, id: 'plants', url: 'http://x.org/plants', content: 'fragment' },
    concept: [{ code: 'oak' }],
  },
  valueSet('pets', codes('dog', 'cat')),
  valueSet('more-pets', imports('pets', 'all')),
  valueSet('all', { compose: { include: [{ system: SYSTEM }] } }),
  valueSet('old', { ...codes('dog'), url: url('versions'), version: '1.9' }),
  valueSet('new', { ...codes('cat'), url: url('versions'), version: '1.10' }),
  valueSet('older', { ...codes('bird'), url: url('versions'), version: '1.2' }),
  valueSet('own', { ...codes('bird'), url: `${BASE}/ValueSet/elsewhere` }),
  valueSet('lost', imports('nowhere')),
  // a hospital with two wards; a circle that leads back to itself; a house of its own
  location('hospital'),
  location('ward1', 'hospital'),
  location('ward2', 'hospital'),
  location('room', 'ward1'),
  location('bed', 'room'),
  location('ring1', 'ring3'),
  location('ring2', 'ring1'),
  location('ring3', 'ring2'),
  location('orphan', 'missing'),
  { resourceType: 'Observation', id: 'c', status: 'final', code: { text: 'x' } },
  { resourceType: 'Procedure', id: 'a', status: 'completed', subject: { display: 'x' } },
  {
    ...{ resourceType: 'Procedure', id: 'b', status: 'completed', subject: { display: 'x' } },
    partOf: [{ reference: 'Procedure/a' }, { reference: 'Observation/c' }],
  },
];

beforeAll(async () => {
  open = await openStores();
  await open.stores[0].commit(actor, resources.map(put));
  const config = { bases: [BASE], zone: 0, integrity: 'off' as const };
  const opened = await openContext({ db: open.db, definitions, config });
  ({ context } = opened);
  closeContext = opened.close;
});
afterAll(async () => {
  await closeContext();
  await open.close();
});

/** Counts statements, so that a test can tell whether the store was asked. */
let asked = 0;
const run: Run = (statement, values) => {
  asked++;
  return context.db.tuples(statement, values);
};

async function resolved(...where: Term[]): Promise<Term[]> {
  const query = { ...queryOf('Observation'), where };
  return (await resolveTerms(context, run, query)).where;
}

const inSet = (of: string): Term => ({
  ...{ kind: 'codes', type: 'Observation', code: 'code' },
  of: { valueSet: of },
});
const subsumed = (direction: 'above' | 'below', code: string, system = SYSTEM): Term => ({
  ...{ kind: 'codes', type: 'Observation', code: 'code' },
  of: { direction, system, code },
});
const part = (direction: 'above' | 'below', target: string): Term => ({
  ...{ kind: 'hierarchy', type: 'Encounter', code: 'location', direction, target },
});

/** The term that stands for codes of the animals, in any order. */
function wordsOf(names: string): string[] {
  const def = definitions.searchParams('Observation').get('code');
  if (!def) throw new Error('Observation has no code');
  const list = names.split(' ').map((code) => ({ system: SYSTEM, code }));
  const term = codesTerm('Observation', def, list, { definitions });
  return term.kind === 'words' ? [...term.words].sort() : [];
}

async function refusal(term: Term): Promise<{ code: string; text: string }> {
  const error = await resolved(term).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof FhirError)) throw error ?? new Error('nothing was refused');
  expect(error.kind).toBe('invalid');
  const [issue] = error.issues;
  return { code: issue?.code ?? '', text: issue?.diagnostics ?? '' };
}

describe('resolveTerms()', () => {
  it('gives back the same query and asks nothing where all is known', async () => {
    const query = queryOf('Observation?code=a,b&_lastUpdated=gt2020');
    asked = 0;
    expect(await resolveTerms(context, run, query)).toBe(query);
    expect(asked).toBe(0);
  });

  it.each<[string, Term, string]>([
    ['a value set by url', inSet(url('pets')), 'dog cat'],
    ['a value set by address', inSet('ValueSet/pets'), 'dog cat'],
    ['a value set by its url below our base', inSet('ValueSet/elsewhere'), 'bird'],
    ['what value sets have in common', inSet(url('more-pets')), 'dog cat'],
    ['all concepts of a code system', inSet(url('all')), 'mammal dog puppy cat bird'],
    ['the latest version', inSet(url('versions')), 'cat'],
    ['the version asked for', inSet(`${url('versions')}|1.9`), 'dog'],
    ['a code and what it subsumes', subsumed('below', 'dog'), 'dog puppy'],
    ['a code and what subsumes it', subsumed('above', 'puppy'), 'puppy dog mammal'],
  ])('finds %s', async (_what, term, expected) => {
    const [only] = await resolved(term);
    expect(only?.kind === 'words' && [...only.words].sort()).toEqual(wordsOf(expected));
  });

  it('finds value sets that come with the server', async () => {
    const canonical = 'http://hl7.org/fhir/ValueSet/observation-status';
    const term: Term = { ...inSet(canonical), code: 'status' } as Term;
    const versioned: Term = { ...inSet(`${canonical}|4.0.1`), code: 'status' } as Term;
    const [plain, exact] = await resolved(term, versioned);
    expect(plain).toEqual(exact);
    expect(plain?.kind === 'words' && plain.words.length).toBe(8);
  });

  it('looks into all terms that hold others, and asks once for the same codes', async () => {
    const inner = inSet(url('pets'));
    const outer: Term[] = [
      { kind: 'not', term: { kind: 'any', terms: [inner, { kind: 'id', ids: ['x'] }] } },
      { kind: 'all', terms: [inner, inner] },
      { kind: 'has', source: 'Observation', key: 'k', patient: false, where: [inner] },
      { kind: 'chain', key: 'k', patient: false, targets: [{ type: 'Patient', where: [inner] }] },
    ];
    asked = 0;
    // `of` says what was asked; it is not looked up again.
    const known = (name: string, value: unknown) => (name === 'of' ? undefined : value);
    const text = JSON.stringify(await resolved(...outer), known);
    // Once for the codes, and once for each end of the two joins.
    expect(asked).toBe(3);
    expect(text).not.toContain('"codes"');
    expect(text).not.toMatch(/"(has|chain)"/);
    expect(text).toContain('"ids":["x"]');
  });

  it.each<[string, Term, string, string]>([
    ['an unknown value set', inSet(url('nowhere')), 'not-found', '"http://x.org/nowhere"'],
    ['an unknown version', inSet(`${url('pets')}|3`), 'not-found', '|3"'],
    ['an unknown address', inSet('ValueSet/nowhere'), 'not-found', '"ValueSet/nowhere"'],
    ['a value set that imports one', inSet(url('lost')), 'not-found', '"http://x.org/nowhere"'],
    [
      'another R4 than ours',
      inSet('http://hl7.org/fhir/ValueSet/observation-status|3'),
      'not-found',
      '|3"',
    ],
    [
      'an unknown code system',
      subsumed('below', 'a', url('x')),
      'not-supported',
      '"http://x.org/x"',
    ],
    [
      'a part of a code system',
      subsumed('below', 'oak', url('plants')),
      'not-supported',
      'fragment',
    ],
    ['an unknown code', subsumed('above', 'fish'), 'code-invalid', '"fish"'],
    ['types without a hierarchy', part('below', 'Patient/1'), 'not-supported', 'Patient'],
  ])('refuses %s', async (_what, term, code, text) => {
    const found = await refusal(term);
    expect(found.code).toBe(code);
    expect(found.text).toContain(text);
    expect(found.text).toMatch(/^The parameter "(code|location)" was refused: /);
  });
});

describe('hierarchies', () => {
  it.each<['above' | 'below', string, string]>([
    ['below', 'hospital', 'bed hospital room ward1 ward2'],
    ['below', 'room', 'bed room'],
    ['below', 'bed', 'bed'],
    ['above', 'bed', 'bed hospital room ward1'],
    ['above', 'hospital', 'hospital'],
    ['below', 'ring1', 'ring1 ring2 ring3'],
    ['above', 'ring1', 'ring1 ring2 ring3'],
    // What refers to a resource that is not there is still below it.
    ['below', 'missing', 'missing orphan'],
    ['above', 'orphan', 'orphan'],
  ])('%s %s are %s', async (direction, of, expected) => {
    const [term] = await resolved(part(direction, `Location/${of}`));
    if (term?.kind !== 'references') throw new Error(`it became ${term?.kind}`);
    const found = term.targets.map((target) => target.replace('Location/', '')).sort();
    expect(found).toEqual(expected.split(' '));
    expect(term.key).toBe('Encounter.location');
  });

  it('hold resources of one type only', async () => {
    const term = (direction: 'above' | 'below', target: string): Term => ({
      ...{ kind: 'hierarchy', type: 'Procedure', code: 'part-of', direction, target },
    });
    const found = await resolved(term('above', 'Procedure/b'), term('below', 'Procedure/a'));
    expect(found.map((one) => one.kind === 'references' && [...one.targets].sort())).toEqual([
      ['Procedure/a', 'Procedure/b'],
      ['Procedure/a', 'Procedure/b'],
    ]);
  });
});
