import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { FhirError, kinds } from '../server/fhir/error.ts';
import { createLog, type LogFields, levelOfStatus, logRequest } from '../server/log.ts';

type Line = Record<string, unknown>;

function capture(level: Parameters<typeof createLog>[0] = 'debug') {
  const lines: Line[] = [];
  const log = createLog(level, (line) => lines.push(JSON.parse(line)));
  return { log, lines };
}

function errorLine(error: unknown): string {
  const { log, lines } = capture();
  log.error({ error }, 'failed');
  return JSON.stringify(lines[0]?.error);
}

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

describe('createLog()', () => {
  it('writes one JSON object with time, level, message and fields per line', () => {
    const { log, lines } = capture();
    log.info({ part: 'db', count: 3 }, 'migrated');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ level: 'info', part: 'db', count: 3, msg: 'migrated' });
    expect(String(lines[0]?.time)).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  });

  it('leaves out every field that is not on the list', () => {
    const { log, lines } = capture();
    const smuggled = { method: 'GET', body: 'Smith', query: 'name=Smith', headers: { a: 'Smith' } };
    log.info(smuggled as LogFields, 'request');
    expect(lines[0]).toMatchObject({ method: 'GET' });
    expect(JSON.stringify(lines)).not.toContain('Smith');
  });

  it.each([
    ['debug', ['debug', 'info', 'warn', 'error']],
    ['info', ['info', 'warn', 'error']],
    ['error', ['error']],
    ['silent', []],
  ] as const)('at level %s writes %j', (level, expected) => {
    const { log, lines } = capture(level);
    log.debug({}, 'a');
    log.info({}, 'b');
    log.warn({}, 'c');
    log.error({}, 'd');
    expect(lines.map((line) => line.level)).toEqual(expected);
  });

  it('loses no line when the process exits', () => {
    const module = fileURLToPath(new URL('../server/log.ts', import.meta.url));
    const script = `import { createLog } from ${JSON.stringify(module)};
      const log = createLog('info');
      for (let i = 0; i < 50; i++) log.info({ count: i }, 'line');
      process.exit(0);`;
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', script]);
    expect(run.stdout.toString().trim().split('\n')).toHaveLength(50);
  });
});

describe('a logged error', () => {
  it('has name, code and frames', () => {
    const error = Object.assign(new TypeError('x is not a function'), { code: 'E1' });
    expect(JSON.parse(errorLine(error))).toMatchObject({
      name: 'TypeError',
      message: 'x is not a function',
      code: 'E1',
      frames: expect.arrayContaining([expect.stringMatching(/^at /)]),
    });
  });

  it.each([
    ['a FhirError', new FhirError('invalid', 'Patient.name: Smith is not allowed')],
    ['its cause', new FhirError('internal', 'failed', new Error('near "Smith" or "Jones"'))],
    ['a JSON error', thrownBy(() => JSON.parse('{"family": "Smith" "x"}'))],
    ['a JSON error on quotes', thrownBy(() => JSON.parse('"Smith\'s" said "Smith'))],
    [
      'a PostgreSQL error',
      Object.assign(new Error('duplicate key value violates unique constraint "a"'), {
        code: '23505',
        detail: 'Key (identifier)=(Smith) already exists.',
        where: 'Smith',
      }),
    ],
    ['a thrown string', 'Smith'],
  ])('says nothing of the data: %s', (_name, error) => {
    expect(errorLine(error)).not.toContain('Smith');
  });

  it('ends when causes go round', () => {
    const error = new Error('round');
    error.cause = error;
    expect(errorLine(error).split('round').length - 1).toBe(3);
  });
});

describe('logRequest()', () => {
  it('writes template, status, duration and ids', () => {
    const { log, lines } = capture();
    const request = {
      requestId: 'r1',
      method: 'GET',
      route: '/fhir/:type/:id',
      type: 'Patient',
      status: 200,
      durationMs: 1.5,
    };
    logRequest(log, request);
    expect(lines[0]).toMatchObject({ level: 'info', msg: 'request', ...request });
  });

  it.each(Object.entries(kinds))('gives a %s the level of the table of kinds', (_kind, row) => {
    expect(levelOfStatus(row.status)).toBe(row.level);
  });
});
