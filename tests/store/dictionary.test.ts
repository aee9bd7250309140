import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FhirError } from '../../server/fhir/error.ts';
import type { JsonObject, Resource } from '../../server/fhir/types.ts';
import { Dictionary } from '../../server/store/dictionary.ts';
import type { Word } from '../../server/store/dictionary-words.ts';
import { actor, commitOne, type OpenStores, openStores, outcomeOf } from '../helpers/store.ts';

const UCUM = 'http://unitsofmeasure.org';

let open: OpenStores;
beforeAll(async () => {
  open = await openStores(2);
});
afterAll(() => open.close());

const rows = (text: string, values: unknown[] = []) => open.db.tuples({ text }, values);

const observation = (body: JsonObject): Resource =>
  ({ resourceType: 'Observation', status: 'final', code: { text: 'x' }, ...body }) as Resource;

async function create(resource: Resource): Promise<string> {
  const type = resource.resourceType;
  const { version } = await commitOne(open.stores[0], { method: 'create', type, resource });
  return version?.id ?? '';
}

const quantity = (value: number, code: string, system = UCUM) =>
  observation({ valueQuantity: { value, system, code, unit: code } });

describe('a write', () => {
  test.each([
    ['mg', UCUM, ['g', 0.001, 0]],
    ['Cel', UCUM, ['K', 1, 273.15]],
    ['[iU]', UCUM, ['[iU]', 1, 0]],
    ['furlongs', UCUM, [null, null, null]],
    ['mg', 'urn:own', [null, null, null]],
  ])('files the unit %s of %s with what it comes to', async (code, system, expected) => {
    await create(quantity(1, code, system));
    const found = await rows(
      'select canon, factor, shift from unit where code = $1 and system = $2',
      [code, system],
    );
    expect(found).toEqual([expected]);
  });

  test('files texts, from each of their words on, under words that its row holds', async () => {
    const text = 'Say "NO" \\ {now}, null';
    const id = await create(observation({ code: { text } }));
    const found = await rows(
      `select t.v from word_text t
       join search s on s.tok && array[t.h] join resource r on r.seq = s.seq where r.id = $1
       order by length(t.v) desc`,
      [id],
    );
    const later = ['"no" \\ {now}, null', '\\ {now}, null', '{now}, null', 'null'];
    expect(found).toEqual([['say "no" \\ {now}, null'], ...later.map((one) => [one])]);
  });

  test.each([
    ['Observation', { status: 'final', code: { text: 'x' } }, ['code', 'status']],
    ['Location', { language: 'de' }, []],
  ])('files the set of parameters of %s %j under a word that its row holds', async (...one) => {
    const [resourceType, body, codes] = one;
    const id = await create({ resourceType, ...body } as Resource);
    const found = await rows(
      `select p.codes, p.type = r.type from presence p
       join search s on s.tok && array[p.h] join resource r on r.seq = s.seq where r.id = $1`,
      [id],
    );
    expect(found).toEqual([[codes, true]]);
  });

  test('files the spelling of strings beside what is folded', async () => {
    const id = await create({ resourceType: 'Organization', name: 'Groß  Haus' } as Resource);
    const found = await rows(
      `select distinct x.v, x.o, x.part from search_string x join resource r on r.seq = x.seq
       where r.id = $1 order by x.part`,
      [id],
    );
    expect(found).toEqual([
      ['gross haus', 'Groß  Haus', false],
      ['haus', null, true],
    ]);
  });

  test('of another spelling moves the rows', async () => {
    const body = { resourceType: 'Organization', id: 'spelt' };
    for (const name of ['House', 'HOUSE']) {
      await commitOne(open.stores[0], {
        method: 'update',
        type: 'Organization',
        id: 'spelt',
        resource: { ...body, name } as Resource,
      });
    }
    const found = await rows(
      "select distinct x.o from search_string x join resource r on r.seq = x.seq where r.id = 'spelt'",
    );
    expect(found).toEqual([['HOUSE']]);
  });
});

describe('words first met inside a transaction that is undone', () => {
  test('serve the next writer', async () => {
    const resource = observation({ code: { text: 'rolled back' } });
    const undone = open.stores[0].commit(
      actor,
      [{ method: 'create', type: 'Observation', resource }],
      {
        within: () => Promise.reject(new FhirError('conflict', 'no')),
      },
    );
    expect(await outcomeOf(undone)).toBe('conflict');
    const id = await create(observation({ code: { text: 'rolled back' } }));
    const found = await rows(
      `select r.id from word_text t
       join search s on s.tok && array[t.h] join resource r on r.seq = s.seq where t.v = $1`,
      ['rolled back'],
    );
    expect(found).toEqual([[id]]);
  });
});

describe('Dictionary', () => {
  const text = (n: number): Word => ({
    ...{ kind: 'text', h: BigInt(n), k: 7n, v: `text ${n}`, isProse: true },
  });

  test('has nothing to write the second time', async () => {
    const dictionary = new Dictionary(open.db);
    const using = [{ words: [text(1), text(2)] }];
    const first = dictionary.add(using);
    expect(first).toBeInstanceOf(Promise);
    await first;
    expect(dictionary.add(using)).toBeUndefined();
  });

  test('forgets words that do not come again, and keeps those that do', async () => {
    const dictionary = new Dictionary(open.db);
    const often = text(100);
    await dictionary.add([{ words: [often, text(101)] }]);
    for (let from = 1000; from < 100_000; from += 9_000) {
      const words = Array.from({ length: 9_000 }, (_, i) => text(from + i));
      await dictionary.add([{ words }]);
      expect(dictionary.add([{ words: [often] }])).toBeUndefined();
    }
    expect(dictionary.add([{ words: [text(101)] }])).toBeInstanceOf(Promise);
  });

  test('of two processes holds a word once, in whatever order they meet it', async () => {
    const words = Array.from({ length: 200 }, (_, i) => text(500_000 + i));
    const one = new Dictionary(open.db);
    const other = new Dictionary(open.db);
    await Promise.all([one.add([{ words }]), other.add([{ words: words.toReversed() }])]);
    const found = await rows(
      'select count(*)::int, count(distinct h)::int from word_text where h between 500000 and 500199',
    );
    // Each of the two words of a text is a beginning.
    expect(found).toEqual([[400, 200]]);
  });
});
