import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { type Read, readInput } from '../../server/load/read.ts';

const folder = mkdtempSync(join(tmpdir(), 'kiln-read-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Given {
  name?: string;
  found?: boolean;
}

/** What reading a file with this content gives. */
async function reading(content: string | Buffer, { name = 'x.json', found = false }: Given = {}) {
  const path = join(folder, name);
  writeFileSync(path, content);
  const reads: Read[] = [];
  for await (const read of readInput({ path, found, lines: name.includes('ndjson') })) {
    reads.push(read);
  }
  return reads;
}

const lines = (...values: (string | object)[]) =>
  reading(
    values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))).join('\n'),
    { name: 'x.ndjson' },
  );

/** Per shipment, where its entries come from. */
const placesOf = (reads: Read[]): string[][] =>
  reads.flatMap((read) => ('shipment' in read ? [read.shipment.entries.map(({ at }) => at)] : []));
const idsOf = (reads: Read[]): (string | undefined)[] =>
  reads.flatMap((read) =>
    'shipment' in read ? read.shipment.entries.map(({ once }) => once) : [],
  );

const patient = { resourceType: 'Patient' };
const bundle = { resourceType: 'Bundle', type: 'transaction', entry: [] };

describe('readInput() of a JSON file', () => {
  it('keeps the text of numbers', async () => {
    const text = '{"resourceType":"Observation","id":"o","valueQuantity":{"value":1.00}}';
    const [read] = await reading(`\ufeff${text}`);
    expect(JSON.stringify('shipment' in read! && read.shipment.entries[0]?.entry['resource'])).toBe(
      text,
    );
  });

  it.each<[string, string | Buffer, string]>([
    ['no JSON', '{"resourceType":', 'JSON'],
    ['an empty file', '', 'JSON'],
    ['no FHIR', '{"files":[]}', '"resourceType" is missing'],
    ['null', 'null', '"resourceType" is missing'],
    ['a Bundle of history', '{"resourceType":"Bundle","type":"history"}', 'cannot be loaded'],
    ['a gzip that was cut off', gzipSync('{}').subarray(0, 15), 'unexpected end of file'],
  ])('says what is wrong with %s', async (_what, content, why) => {
    expect(await reading(content)).toEqual([{ at: '', why: expect.stringContaining(why) }]);
  });

  it('passes over what is not FHIR in a folder', async () => {
    expect(await reading('{"files":[]}', { found: true })).toEqual([
      { skipped: expect.stringContaining('resourceType') },
    ]);
  });
});

describe('readInput() of a file of lines', () => {
  it('groups single resources, up to 200', async () => {
    const many = Array.from({ length: 450 }, (_, n) => ({ ...patient, id: `p${n}` }));
    const reads = await lines(...many);
    expect(placesOf(reads).map((places) => places.length)).toEqual([200, 200, 50]);
  });

  it('groups up to 4 MB', async () => {
    const text = 'x'.repeat(3_000_000);
    const reads = await lines({ ...patient, id: '1', text }, { ...patient, id: '2', text });
    expect(placesOf(reads)).toEqual([['line 1'], ['line 2']]);
  });

  it('reads over empty lines and line ends of all kinds', async () => {
    const one = JSON.stringify({ ...patient, id: '1' });
    const two = JSON.stringify({ ...patient, id: '2' });
    const reads = await reading(`${one}\r\n\n  \n${two}\n`, { name: 'x.ndjson' });
    expect(placesOf(reads)).toEqual([['line 1', 'line 4']]);
  });

  it('begins a new group for a second version of a resource', async () => {
    const first = { ...patient, id: '1', gender: 'male' };
    const second = { ...patient, id: '1', gender: 'female' };
    expect(placesOf(await lines(first, { ...patient, id: '2' }, second))).toEqual([
      ['line 1', 'line 2'],
      ['line 3'],
    ]);
  });

  it('sends Bundles on their own, in turn', async () => {
    const reads = await lines({ ...patient, id: '1' }, bundle, { ...patient, id: '2' });
    expect(reads.map((read) => 'shipment' in read && read.shipment.kind)).toEqual([
      ...['group', 'transaction', 'group'],
    ]);
  });

  it('names the line that is wrong and goes on', async () => {
    const reads = await lines({ ...patient, id: '1' }, '{oops', { ...patient, id: '2' });
    expect(reads[0]).toMatchObject({ at: 'line 2', why: expect.stringContaining('JSON') });
    expect(placesOf(reads)).toEqual([['line 1', 'line 3']]);
  });

  it('gives equal lines without an id different ids, and the same ones each time', async () => {
    const ids = idsOf(await lines(patient, patient, patient));
    expect(new Set(ids).size).toBe(3);
    expect(idsOf(await lines(patient, patient, patient))).toEqual(ids);
  });

  it('keeps the ids of the lines that were there when lines are added', async () => {
    const before = idsOf(await lines(patient, patient));
    expect(idsOf(await lines(patient, patient, patient)).slice(0, 2)).toEqual(before);
  });
});
