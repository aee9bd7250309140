import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ConfigError, loadConfig, publicUrl, unknownSettings } from '../server/config.ts';
import { configurationPage, withSettings } from '../server/config-docs.ts';

function faultsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(env);
    return [];
  } catch (error) {
    return (error as ConfigError).faults;
  }
}

describe('loadConfig()', () => {
  test('runs without any setting', () => {
    const config = loadConfig({});
    expect(config).toMatchObject({ host: '127.0.0.1', port: 8080, auth: 'smart' });
    expect(config.bodyLimit).toBe(50 * 1024 * 1024);
    expect(config.database.url).toBeUndefined();
    expect(config.timeZone).toBe('+00:00');
  });

  test('gives a result that cannot be changed', () => {
    const config = loadConfig({});
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.database.settings)).toBe(true);
  });

  test('takes an empty variable for an unset one', () => {
    expect(loadConfig({ DATABASE_URL: '', PORT: ' ' })).toEqual(loadConfig({}));
  });

  test.each([
    [{ PORT: '0' }, (c: Conf) => c.port, 0],
    [{ HOST: '[::1]' }, (c: Conf) => c.host, '::1'],
    [{ KILN_BODY_LIMIT: '1.5 kB' }, (c: Conf) => c.bodyLimit, 1536],
    [{ KILN_BODY_LIMIT: '700' }, (c: Conf) => c.bodyLimit, 700],
    [{ KILN_STATEMENT_TIMEOUT: '250ms' }, (c: Conf) => c.database.statementTimeout, 250],
    [{ KILN_REQUEST_TIMEOUT: '2min' }, (c: Conf) => c.http.requestTimeout, 120_000],
    [{ KILN_SHARED_BUFFERS: '1gb' }, (c: Conf) => c.database.settings.shared_buffers, '1GB'],
    [{ KILN_PUBLIC_URL: 'https://x.org/kiln/' }, (c: Conf) => c.publicUrl, 'https://x.org/kiln'],
    [{ KILN_TIME_ZONE: '-03:30' }, (c: Conf) => c.timeZone, '-03:30'],
    [{ KILN_REFERENTIAL_INTEGRITY: 'ON' }, (c: Conf) => c.referentialIntegrity, 'on'],
  ])('reads %o', (env, pick, expected) => {
    expect(pick(loadConfig(env))).toBe(expected);
  });

  test.each([
    ['PORT', '65536'],
    ['PORT', '80x'],
    ['KILN_PUBLIC_URL', 'fhir.example.org'],
    ['KILN_PUBLIC_URL', 'https://x.org/?a=b'],
    ['KILN_BODY_LIMIT', '50 apples'],
    ['KILN_BODY_LIMIT', '0'],
    ['KILN_STATEMENT_TIMEOUT', '15'],
    ['KILN_SHARED_BUFFERS', '256'],
    ['KILN_TIME_ZONE', 'Europe/Berlin'],
    ['KILN_TIME_ZONE', '+15:00'],
    ['KILN_LOG_LEVEL', 'loud'],
    ['KILN_AUTH', 'oauth'],
    ['KILN_BOOTSTRAP_CLIENT', 'robot:short'],
    ['KILN_SECRET', 'short'],
    ['KILN_FETCH_ALLOW', 'a,,b'],
    ['KILN_TRUSTED_PROXIES', '10.0.0.0/99'],
    ['KILN_IDP_ISSUER', 'https://idp.example.org'],
    ['KILN_IDP_ROLES', 'doctors'],
    ['KILN_ACCESS_TOKEN_TIME', '2h'],
    ['KILN_SECOND_FACTOR', 'always'],
    ['KILN_SECOND_FACTOR', 'required'],
    ['HOST', '0.0.0.0'],
    ['KILN_SEARCH_COUNT_MAX', '5'],
    ['KILN_BUNDLE_MEMORY', '1MB'],
    ['KILN_HEADERS_TIMEOUT', '2min'],
  ])('refuses %s=%s and names it', (name, value) => {
    const faults = faultsOf({ [name]: value });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(name);
  });

  test.each([
    [{ KILN_PUBLIC_URL: 'https://fhir.example.org' }, 0],
    [{ KILN_PUBLIC_URL: 'http://localhost:8080' }, 0],
    [{ HOST: 'localhost' }, 0],
    [{ KILN_PUBLIC_URL: 'http://fhir.example.org' }, 1],
    [{ KILN_PUBLIC_URL: 'https://192.0.2.1' }, 1],
    [{ KILN_PUBLIC_URL: 'https://[2001:db8::1]' }, 1],
  ])('requires a second factor only where passkeys work: %o', (env, faults) => {
    expect(faultsOf({ ...env, KILN_SECOND_FACTOR: 'required' })).toHaveLength(faults);
  });

  test('reports all faults together', () => {
    const env = {
      ...{ PORT: 'x', KILN_LOG_LEVEL: 'x', KILN_DB_POOL: '0' },
      ...{ HOST: '10.0.0.1', KILN_AUTH: 'none' },
    };
    expect(faultsOf(env)).toHaveLength(4);
    expect(() => loadConfig(env)).toThrow(ConfigError);
    expect(() => loadConfig(env)).toThrow(/PORT.*HOST|HOST.*PORT/s);
  });

  test('keeps the password of a bad DATABASE_URL to itself', () => {
    const [fault] = faultsOf({ DATABASE_URL: 'mysql://root:secret@db/kiln' });
    expect(fault).toContain('DATABASE_URL is not a URL');
    expect(fault).not.toContain('secret');
  });
});

type Conf = ReturnType<typeof loadConfig>;

test.each([
  [{}, 'http://127.0.0.1:4000'],
  [{ HOST: '::1' }, 'http://[::1]:4000'],
  [{ KILN_PUBLIC_URL: 'https://fhir.example.org/' }, 'https://fhir.example.org'],
])('publicUrl() of %o is %s', (env, expected) => {
  expect(publicUrl(loadConfig(env), 4000)).toBe(expected);
});

test('unknownSettings() finds misspelt names', () => {
  expect(unknownSettings({ KILN_BODYLIMIT: '1', KILN_BODY_LIMIT: '1', PATH: '/' })).toEqual([
    'KILN_BODYLIMIT',
  ]);
});

test('docs/configuration.md is up to date (npm run docs)', () => {
  const page = new URL('../docs/configuration.md', import.meta.url);
  expect(readFileSync(page, 'utf8')).toBe(configurationPage());
});

test('withSettings() replaces what is between the marks and nothing else', () => {
  const before = 'a\n<!-- config -->\nold\n<!-- /config -->\nb';
  const after = withSettings(before);
  expect(after).toMatch(/^a\n<!-- config -->\n\| Name.*\n<!-- \/config -->\nb$/s);
  expect(after).not.toContain('old');
  expect(withSettings('no marks')).toBe('no marks');
});
