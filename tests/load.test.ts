import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from './helpers/http.ts';
import { countOf } from './helpers/loaded.ts';
import { freshDatabase } from './helpers/postgres.ts';
import { loadProcess, serverProcess } from './helpers/processes.ts';
import { startServer, type TestServer } from './helpers/server.ts';

let server: TestServer;
let folder = '';
beforeAll(async () => {
  server = await startServer();
  folder = mkdtempSync(join(tmpdir(), 'kiln-load-'));
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

function file(name: string, content: string | Buffer | object): string {
  const path = join(folder, name);
  const raw = typeof content === 'string' || Buffer.isBuffer(content);
  writeFileSync(path, raw ? content : JSON.stringify(content));
  return path;
}

const load = (...args: string[]) => loadProcess(['--base', server.base, ...args]).end;

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

describe('npm run load', () => {
  it('loads single resources, lines, gzip and Bundles, and says how many', async () => {
    const line = (n: number): string =>
      JSON.stringify({ resourceType: 'Substance', id: `s${n}`, code: { text: `${n}` } });
    const lines = Array.from({ length: 450 }, (_, n) => line(n)).join('\n');
    const group = { resourceType: 'Group', type: 'person', actual: true };
    const { code, output } = await load(
      file('one.json', { ...group, id: 'g1' }),
      file('lines.ndjson.gz', gzipSync(lines)),
      file('collection.json', {
        ...{ resourceType: 'Bundle', type: 'collection' },
        entry: [{ resource: { ...group, id: 'g2' } }, { resource: group }],
      }),
    );
    expect(output).toContain('Loaded 453 resources from 3 files');
    expect(output).toContain('453 created, 0 updated, 0 unchanged.');
    expect(code).toBe(0);
    expect(await countOf(server.base, 'Substance')).toBe(450);
    expect(await countOf(server.base, 'Group')).toBe(3);
  });

  it('says what was refused and why, on the screen and in full in a file, and exits with 1', async () => {
    const wrong = { resourceType: 'Goal', lifecycleStatus: 'hopeful', subject: { display: 'x' } };
    const path = file('goals.ndjson', `${JSON.stringify(wrong)}\n{"oops"\n`);
    const report = join(folder, 'report.ndjson');
    const { code, output } = await load('--report', report, path);
    expect(code).toBe(1);
    expect(output).toContain('Refused 2:');
    expect(output).toMatch(/goals\.ndjson, line 1, Goal: Goal\.lifecycleStatus: /);
    expect(output).toMatch(/goals\.ndjson, line 2: .*JSON/);
    const refusals = readFileSync(report, 'utf8')
      .trim()
      .split('\n')
      .map((each) => JSON.parse(each));
    expect(refusals.map(({ at }) => at).sort()).toEqual(
      expect.arrayContaining(['line 1', 'line 2']),
    );
  });

  it('starts a server on the configured database where none runs, and stops it', {
    timeout: 60_000,
  }, async () => {
    const fresh = await freshDatabase();
    const port = await freePort();
    const path = file('list.json', {
      ...{ resourceType: 'Flag', id: 'f', status: 'active' },
      ...{ code: { text: 'x' }, subject: { display: 'x' } },
    });
    const { code, output, errors } = await loadProcess([path], {
      ...{ DATABASE_URL: fresh.url, PORT: String(port), HOST: '127.0.0.1' },
      KILN_BOOTSTRAP_CLIENT: 'loader:correct-horse-battery',
    }).end;
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
    expect(output).toContain('1 created');
    await expect(fetch(`http://127.0.0.1:${port}/fhir/metadata`)).rejects.toThrow();
    const later = await serverProcess(fresh.url);
    expect((await ask(later.base, 'Flag/f')).status).toBe(200);
    await later.stop();
    await fresh.drop();
  });

  it('says before all else that the server asks who calls', async () => {
    const fresh = await freshDatabase();
    const path = file('flag.json', { resourceType: 'Flag' });
    const env = { DATABASE_URL: fresh.url, PORT: String(await freePort()), HOST: '127.0.0.1' };
    const { code, output, errors } = await loadProcess([path], env).end;
    expect({ code, refused: /Refused/.test(output) }).toEqual({ code: 2, refused: false });
    expect(errors).toMatch(/asks who calls: .*--client ID:SECRET.*KILN_BOOTSTRAP_CLIENT/);
    await fresh.drop();
  });

  it.each<[string, string[], RegExp]>([
    ['no files', [], /Which files\?/],
    ['a path that is not there', ['absent.json'], /ENOENT.*absent\.json/],
    ['an unknown option', ['--fast', 'x.json'], /Unknown option '--fast'/],
    ['no number', ['--connections', 'many', 'x.json'], /whole number from 1 to 64/],
    ['no URL', ['--base', 'localhost', 'x.json'], /--base takes a URL/],
  ])('exits with 2 and says so, given %s', async (_what, args, message) => {
    const { code, errors } = await loadProcess(args).end;
    expect(errors).toMatch(message);
    expect(code).toBe(2);
  });

  it('exits with 2 where nothing answers', async () => {
    const port = await freePort();
    const path = file('nobody.json', { resourceType: 'Basic', code: { text: 'x' } });
    const { code, errors } = await loadProcess(['--base', `http://127.0.0.1:${port}/fhir`, path])
      .end;
    expect(errors).toMatch(/Nothing answers at http/);
    expect(code).toBe(2);
  });

  it('exits with 2 where something else answers', async () => {
    const path = file('else.json', { resourceType: 'Basic', code: { text: 'x' } });
    const { code, errors } = await loadProcess(['--base', `${server.origin}/nowhere`, path]).end;
    expect(errors).toMatch(/is not a FHIR server/);
    expect(code).toBe(2);
  });

  it('explains itself', async () => {
    const { code, output } = await loadProcess(['--help']).end;
    expect(output).toMatch(/npm run load -- \[options\]/);
    expect(code).toBe(0);
  });
});
