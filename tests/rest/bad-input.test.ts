import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Ask } from '../helpers/http.ts';
import { ask, rawRequest } from '../helpers/http.ts';
import { definitions, startServer, type TestServer } from '../helpers/server.ts';

/** Bad input of every kind: a 4xx with an OperationOutcome, quickly, and the server goes on. */
const MB = 1024 * 1024;
let server: TestServer;
beforeAll(async () => {
  server = await startServer({ bodyLimit: 20 * MB, bundleMemory: 40 * MB });
  const body = { resourceType: 'Patient', id: 'p1', name: [{ family: 'Kern' }] };
  await ask(server.base, 'Patient/p1', { method: 'PUT', body });
});
afterAll(async () => {
  expect((await ask(server.base, 'Patient/p1')).json.name?.[0]?.family).toBe('Kern');
  expect((await ask(server.base, 'Patient?_summary=count')).json.total).toBe(1);
  await server.stop();
});

async function expectRefused(url: string, options: Ask, status: number): Promise<void> {
  const answer = await ask(server.base, url, options);
  expect([answer.status, answer.text.slice(0, 300)]).toEqual([status, expect.anything()]);
  expect(answer.json.resourceType).toBe('OperationOutcome');
  const [issue] = answer.json.issue as unknown as { severity: string; diagnostics: string }[];
  expect(issue?.severity).toMatch(/error|fatal/);
  expect(issue?.diagnostics.length).toBeGreaterThan(10);
  expect(answer.text).not.toMatch(/node_modules|\.ts:\d|select |insert /i);
}

const half = Buffer.from([0xed, 0xa0, 0x80]);
const text = (start: string, middle: Buffer | string, end: string): Buffer =>
  Buffer.concat([Buffer.from(start), Buffer.from(middle as string), Buffer.from(end)]);
const named = (family: Buffer | string): Buffer =>
  text('{"resourceType":"Patient","name":[{"family":"', family, '"}]}');

describe('a body', () => {
  it.each<[string, string | Buffer]>([
    ['that is empty', ''],
    ['of white space', '   '],
    ['that is no JSON', 'hello'],
    ['cut short', '{"resourceType":"Patient","name":[{"family":"K'],
    ['with a comma too many', '{"resourceType":"Patient","active":true,}'],
    ['with something behind it', '{"resourceType":"Patient"} x'],
    ['with a duplicate key', '{"resourceType":"Patient","active":true,"active":false}'],
    [
      'with an escaped duplicate key',
      '{"resourceType":"Patient","active":true,"\\u0061ctive":false}',
    ],
    ['with two resource types', '{"resourceType":"Patient","resourceType":"Group"}'],
    ['that is an array', '[]'],
    ['that is null', 'null'],
    ['without a resource type', '{}'],
    ['with a resource type that is a number', '{"resourceType":1}'],
    ['with an unknown type', '{"resourceType":"Patint"}'],
    ['of another type', '{"resourceType":"Group"}'],
    ['of an abstract type', '{"resourceType":"DomainResource"}'],
    ['with __proto__', '{"resourceType":"Patient","__proto__":{"x":1}}'],
    ['with constructor', '{"resourceType":"Patient","constructor":{"prototype":{"x":1}}}'],
    ['with an unknown element', '{"resourceType":"Patient","nme":[]}'],
    ['with an empty array', '{"resourceType":"Patient","name":[]}'],
    ['with an empty object', '{"resourceType":"Patient","name":[{}]}'],
    ['with null', '{"resourceType":"Patient","active":null}'],
    ['with NaN', '{"resourceType":"Patient","multipleBirthInteger":NaN}'],
    ['with a huge number', '{"resourceType":"Patient","multipleBirthInteger":1e999}'],
    ['with a date that is none', '{"resourceType":"Patient","birthDate":"2021-02-30"}'],
    ['with NUL', named('\\u0000')],
    ['with a raw NUL', named('\0')],
    ['with a lone surrogate', named('\\ud800')],
    ['with a lone surrogate in UTF-8', named(half)],
    ['with invalid UTF-8', named(Buffer.from([0xff, 0xfe]))],
    ['with overlong UTF-8', named(Buffer.from([0xc0, 0xaf]))],
    ['in UTF-16', Buffer.from('{"resourceType":"Patient"}', 'utf16le')],
    ['of a million arrays', '['.repeat(1_000_000)],
    ['of a million arrays, closed', '['.repeat(1_000_000) + ']'.repeat(1_000_000)],
    ['of deep objects', '{"a":'.repeat(200_000)],
    ['nested deeply inside a resource', `{"resourceType":"Patient","x":${'['.repeat(500)}`],
    ['with a script in the narrative', narrated('<script>alert(1)</script>')],
    ['with an event handler in the narrative', narrated('<p onclick=\\"x()\\">x</p>')],
  ])('%s is refused', async (_what, body) => {
    await expectRefused('Patient', { method: 'POST', body }, 400);
  });

  function narrated(inner: string): string {
    const div = `<div xmlns=\\"http://www.w3.org/1999/xhtml\\">${inner}</div>`;
    return `{"resourceType":"Patient","text":{"status":"generated","div":"${div}"}}`;
  }

  it.each([
    ['no XML', 'hello'],
    ['cut short', '<Patient xmlns="http://hl7.org/fhir"><active'],
    ['without the namespace', '<Patient><active value="true"/></Patient>'],
    ['with an entity', '<!DOCTYPE x [<!ENTITY e "x">]><Patient xmlns="http://hl7.org/fhir"/>'],
    [
      'with an outer entity',
      '<!DOCTYPE x SYSTEM "file:///etc/passwd"><Patient xmlns="http://hl7.org/fhir"/>',
    ],
    ['nested deeply', `<Patient xmlns="http://hl7.org/fhir">${'<a>'.repeat(100_000)}`],
  ])('in XML, %s, is refused', async (_what, body) => {
    const headers = { 'Content-Type': 'application/fhir+xml' };
    await expectRefused('Patient', { method: 'POST', body, headers }, 400);
  });

  it.each([
    ['text/plain', 415],
    ['application/fhir+json; charset=latin1', 415],
    ['application/fhir+turtle', 415],
    ['multipart/form-data', 415],
    ['', 415],
    ['application/x-www-form-urlencoded', 415],
    ['application/json-patch+json', 415],
  ])('with the Content-Type "%s" is refused', async (type, status) => {
    const headers = { 'Content-Type': type };
    await expectRefused(
      'Patient',
      { method: 'POST', body: '{"resourceType":"Patient"}', headers },
      status,
    );
  });

  it.each([
    ['br', 415],
    ['gzip, gzip', 415],
    ['gzip', 400],
    ['deflate', 400],
  ])('that is not encoded in %s as it says is refused', async (encoding, status) => {
    const headers = { 'Content-Encoding': encoding };
    await expectRefused('Patient', { method: 'POST', body: 'x', headers }, status);
  });

  it('of 100 MB is refused before it is read', async () => {
    const head = [
      'POST /fhir/Patient HTTP/1.1',
      'Host: x',
      'Content-Type: application/fhir+json',
      `Content-Length: ${100 * MB}`,
    ].join('\r\n');
    const answer = await rawRequest(server.port, `${head}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 413 .*OperationOutcome/s);
  });

  it('of 100 MB that is sent all the same is refused, with the answer arriving', async () => {
    const body = Buffer.alloc(100 * MB, ' ');
    await expectRefused('Patient', { method: 'POST', body }, 413);
  });

  it('that waits for 100 Continue is not asked for', async () => {
    const head = `POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nContent-Length: ${100 * MB}\r\n`;
    const type = 'Content-Type: application/fhir+json\r\n';
    const answer = await rawRequest(server.port, `${head}${type}Expect: 100-continue\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
  });

  it('without a length is stopped where it passes the limit', async () => {
    const chunk = `100000\r\n${' '.repeat(MB)}\r\n`;
    const head = 'POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n';
    const type = 'Content-Type: application/fhir+json\r\n\r\n';
    const answer = await rawRequest(server.port, head + type + chunk.repeat(25));
    expect(answer).toMatch(/^HTTP\/1.1 413 .*OperationOutcome/s);
  });

  it('that never ends with its connection does not hold the server', async () => {
    const head = 'POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n';
    const type = 'Content-Type: application/fhir+json\r\n\r\n{';
    await rawRequest(server.port, head + type, 100);
    expect((await ask(server.base, 'Patient/p1')).status).toBe(200);
  });
});

describe('a path', () => {
  const long = 'a'.repeat(65);

  it.each([
    ['GET', `Patient/${long}`, 404],
    ['GET', 'Patient/a_b', 404],
    ['GET', 'Patient/a%20b', 404],
    ['GET', 'Patient/%00', 404],
    ['GET', 'Patient/a%2Fb', 404],
    ['GET', 'Patient/%zz', 404],
    ['GET', 'Patient/%c3%28', 404],
    ['GET', 'Patient/%F0%9F%98%80', 404],
    ['GET', "Patient/1'%20or%201=1--", 404],
    ['PUT', `Patient/${long}`, 400],
    ['PUT', 'Patient/a_b', 400],
    ['PUT', 'Patient/%c3%28', 400],
    ['PATCH', 'Patient/a%20b', 400],
    ['DELETE', 'Patient/a_b', 404],
    ['GET', `Patient/${long}/_history`, 404],
    ['GET', `Patient/p1/_history/${long}`, 404],
    ['GET', 'Patient/p1/_history/1%27', 404],
    ['GET', 'Patient/p1/_history/99999999999999999999', 404],
    ['GET', 'Patient/p1/_history/-1', 404],
    ['GET', 'Patient/p1/_history/01', 404],
    ['GET', 'Patint', 404],
    ['GET', 'patient/p1', 404],
    ['GET', '__proto__/p1', 404],
    ['GET', 'constructor', 404],
    ['GET', 'DomainResource/p1', 404],
    ['GET', "Patient';drop%20table%20resource;--", 404],
    ['GET', 'Patient/$everything', 404],
    ['GET', '$export', 404],
    ['GET', 'Patient/p1/a/b/c', 404],
    ['GET', 'Patient//p1', 404],
    ['POST', 'Patient/p1', 405],
    ['POST', 'metadata', 405],
    ['DELETE', '', 405],
    ['PUT', '_history', 405],
  ])('%s %s is refused with %i', async (method, path, status) => {
    const body =
      method === 'PUT' || method === 'POST' ? { body: '{"resourceType":"Patient"}' } : {};
    const patch = method === 'PATCH' ? { body: '[]' } : {};
    await expectRefused(path, { method, ...body, ...patch }, status);
  });

  it('of an unknown type names the types that look alike', async () => {
    const { text } = await ask(server.base, 'Pateint/p1');
    expect(text).toContain('Did you mean Patient?');
  });

  it.each([
    ['a target that is no path', 'GET fhir HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['a backslash', 'GET /fhir\\Patient HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    [
      'dots',
      'GET /fhir/Patient/../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      404,
    ],
    [
      'an expectation that nobody has',
      'GET /fhir/Patient HTTP/1.1\r\nHost: x\r\nExpect: cake\r\n\r\n',
      417,
    ],
    ['no host', 'GET /fhir/Patient/p1 HTTP/1.1\r\n\r\n', 400],
    ['a host that is none', 'GET /fhir/Patient/p1 HTTP/1.1\r\nHost: a b\r\n\r\n', 400],
    ['a line that is not HTTP', 'hello\r\n\r\n', 400],
    ['an unknown method', 'BREW /fhir HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    [
      'two lengths',
      'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      400,
    ],
    [
      'length and chunks',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      400,
    ],
    ['a bare NUL in a header', 'GET / HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n', 400],
    ['headers of 1 MB', `GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(MB)}\r\n\r\n`, 431],
    ['10,000 headers', `GET / HTTP/1.1\r\nHost: x\r\n${'A: b\r\n'.repeat(10_000)}\r\n`, 431],
  ])('with %s is refused on the wire', async (_what, bytes, status) => {
    const answer = await rawRequest(server.port, bytes, 1000);
    expect(answer.slice(0, 12)).toBe(`HTTP/1.1 ${status}`);
    expect(answer).toContain('OperationOutcome');
  });
});

describe('a query', () => {
  it.each([
    'Patient?_count=-1',
    'Patient?_count=x',
    'Patient?_count=1e3',
    'Patient?_count=99999999999999999999',
    'Patient?nonsense=1',
    'Patient?__proto__=1',
    'Patient?constructor=1',
    'Patient?birthdate=yesterday',
    'Patient?birthdate=2021-02-30',
    'Patient?_lastUpdated=x',
    'Patient?general-practitioner=a/b/c',
    'Patient?_sort=nonsense',
    'Patient?_include=nonsense',
    'Patient?_include=Patient:nonsense',
    'Patient?_summary=maybe',
    'Patient?_total=many',
    'Patient?_elements=%3Cscript%3E',
    'Patient?_cursor=altered',
    'Patient?name=%zz',
    'Patient?name=%c3%28',
    'Patient?name=%00',
    'Patient?name:nonsense=x',
    'Patient?_format=json&_format=xml',
    'Observation?value-quantity=abc',
    'RiskAssessment?probability=abc',
  ])('%s is refused', async (url) => {
    await expectRefused(url, {}, 400);
  });

  it('with SQL in any parameter finds nothing and harms nothing', async () => {
    const attacks = ["'", "' or '1'='1", "'; drop table resource; --", '\\', '$1', '%27', '{}'];
    const codes = [...definitions.searchParams('Observation').keys()];
    const control = [
      '_sort',
      '_count',
      '_include',
      '_revinclude',
      '_elements',
      '_total',
      '_cursor',
    ];
    for (const code of [...codes, ...control]) {
      const some = attacks.map((attack) =>
        ask(server.base, `Observation?${code}=${encodeURIComponent(attack)}`),
      );
      for (const answer of await Promise.all(some)) {
        expect([200, 400], `${code}: ${answer.text.slice(0, 200)}`).toContain(answer.status);
        expect(answer.json.entry).toBeUndefined();
      }
    }
  });

  it('with SQL as the name of a parameter is refused', async () => {
    await expectRefused(`Patient?${encodeURIComponent("name' or 1=1 --")}=x`, {}, 400);
  });

  it('of a search by POST is refused like one in the URL', async () => {
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
    const post = (body: string) => ({ method: 'POST', body, headers });
    await expectRefused('Patient/_search', post('nonsense=1'), 400);
    await expectRefused('Patient/_search', post('name=%zz'), 400);
    const json = { method: 'POST', body: '{}' };
    await expectRefused('Patient/_search', json, 415);
  });

  it.each([
    ['POST', 'Patient?name=x'],
    ['PUT', 'Patient/p1?name=x'],
    ['DELETE', 'Patient/p1?name=x'],
  ])('is refused where it has no meaning: %s %s', async (method, url) => {
    const body = method === 'DELETE' ? {} : { body: { resourceType: 'Patient', id: 'p1' } };
    await expectRefused(url, { method, ...body }, 400);
  });
});

describe('headers', () => {
  const put = { method: 'PUT', body: { resourceType: 'Patient', id: 'p1' } };
  const post = { method: 'POST', body: { resourceType: 'Patient' } };

  it.each<[string, string, Ask, Record<string, string>]>([
    ['If-Match that is no tag', 'Patient/p1', put, { 'If-Match': '1' }],
    ['If-Match and If-None-Match', 'Patient/p1', put, { 'If-Match': '"1"', 'If-None-Match': '*' }],
    ['If-None-Match with a version on PUT', 'Patient/p1', put, { 'If-None-Match': 'W/"1"' }],
    ['If-None-Exist on PUT', 'Patient/p1', put, { 'If-None-Exist': 'identifier=1' }],
    ['If-Unmodified-Since on PUT', 'Patient/p1', put, { 'If-Unmodified-Since': 'x' }],
    ['If-Match on POST', 'Patient', post, { 'If-Match': 'W/"1"' }],
    ['a broken escape in If-None-Exist', 'Patient', post, { 'If-None-Exist': 'identifier=%zz' }],
    ['NUL in If-None-Exist', 'Patient', post, { 'If-None-Exist': 'identifier=%00' }],
    ['an empty If-None-Exist', 'Patient', post, { 'If-None-Exist': '?' }],
    ['an unknown parameter in If-None-Exist', 'Patient', post, { 'If-None-Exist': 'nonsense=1' }],
    ['If-Match on DELETE that is no tag', 'Patient/p1', { method: 'DELETE' }, { 'If-Match': 'x' }],
    ['If-None-Exist on DELETE', 'Patient/p1', { method: 'DELETE' }, { 'If-None-Exist': 'a=b' }],
    ['If-Modified-Since that is no date', 'Patient/p1', {}, { 'If-Modified-Since': 'soon' }],
    ['If-None-Match that is no tag', 'Patient/p1', {}, { 'If-None-Match': 'x' }],
  ])('%s: refused', async (_what, url, options, headers) => {
    await expectRefused(url, { ...options, headers }, 400);
  });

  it.each(['text/html', 'image/png', 'application/fhir+json;q=0', 'application/fhir+turtle'])(
    'Accept %s: refused before anything is written',
    async (accept) => {
      const headers = { Accept: accept };
      await expectRefused('Patient', { ...post, headers }, 406);
    },
  );

  it('errors come in the format that was asked for', async () => {
    const answer = await ask(server.base, 'Patient/none', {
      headers: { Accept: 'application/fhir+xml' },
    });
    expect(answer.headers.get('content-type')).toBe('application/fhir+xml; charset=utf-8');
    expect(answer.text).toMatch(/<OperationOutcome xmlns="http:\/\/hl7.org\/fhir"><issue>/);
  });
});
