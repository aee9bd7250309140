import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contentOf, findInputs, headOf } from '../../server/load/files.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kiln-files-'));
  mkdirSync(join(folder, 'b', 'c'), { recursive: true });
  const names = ['b/c/z.ndjson.gz', 'b/a.JSON', 'a.jsonl', 'x.json.gz', 'note.txt', 'b/page.xml'];
  for (const name of names) writeFileSync(join(folder, name), '{}');
});
afterAll(() => rmSync(folder, { recursive: true }));

const namesOf = async (...paths: string[]) =>
  (await findInputs(paths.map((path) => join(folder, path)))).map(({ path, lines, found }) => [
    path.slice(folder.length + 1),
    lines ? 'lines' : 'whole',
    found ? 'found' : 'named',
  ]);

async function textOf(path: string): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of contentOf(path)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe('findInputs()', () => {
  it('searches folders through for what it can read, in the order of the names', async () => {
    expect(await namesOf('')).toEqual([
      ['a.jsonl', 'lines', 'found'],
      ['b/a.JSON', 'whole', 'found'],
      ['b/c/z.ndjson.gz', 'lines', 'found'],
      ['x.json.gz', 'whole', 'found'],
    ]);
  });

  it('takes a file that is named whatever its name, and each file once', async () => {
    expect(await namesOf('note.txt', 'b', 'b/a.JSON')).toEqual([
      ['note.txt', 'whole', 'named'],
      ['b/a.JSON', 'whole', 'found'],
      ['b/c/z.ndjson.gz', 'lines', 'found'],
    ]);
  });

  it('rejects a path that is not there', async () => {
    await expect(findInputs([join(folder, 'absent')])).rejects.toThrow('ENOENT');
  });
});

describe('contentOf()', () => {
  it.each(['packed.json.gz', 'packed.json'])(
    'unpacks gzip by its content, not its name: %s',
    async (name) => {
      const path = join(folder, name);
      writeFileSync(path, gzipSync('{"a":"ä"}'));
      expect(await textOf(path)).toBe('{"a":"ä"}');
    },
  );

  it('reads what is called gzip and is not', async () => {
    expect(await textOf(join(folder, 'x.json.gz'))).toBe('{}');
  });

  it('rejects a packed file that was cut off', async () => {
    const path = join(folder, 'cut.json.gz');
    writeFileSync(path, gzipSync('{"a":"ä"}').subarray(0, -6));
    await expect(textOf(path)).rejects.toThrow('unexpected end of file');
  });
});

describe('headOf()', () => {
  it('answers the beginning, or all there is', async () => {
    const path = join(folder, 'long.json');
    writeFileSync(path, gzipSync('x'.repeat(300_000)));
    expect((await headOf(path, 1000)).length).toBe(1000);
    expect(await headOf(join(folder, 'x.json.gz'), 1000)).toBe('{}');
  });
});
