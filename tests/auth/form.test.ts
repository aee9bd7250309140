import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formOf, parseForm, required } from '../../server/auth/form.ts';
import { type AuthRoute, answerJson } from '../../server/auth/route.ts';
import { OAuthError } from '../../server/auth/types.ts';
import { type OpenAuth, openAuth } from '../helpers/auth.ts';
import { ask, rawRequest } from '../helpers/http.ts';

const echo: AuthRoute = {
  ...{ method: 'POST', path: '/echo' },
  handler: async (_service, context) => answerJson(Object.fromEntries(await formOf(context))),
};

let auth: OpenAuth;

beforeAll(async () => {
  auth = await openAuth([[echo]]);
});
afterAll(() => auth.stop());

const TYPE = 'application/x-www-form-urlencoded';
const send = async (body: string, headers: Record<string, string> = {}): Promise<unknown[]> => {
  const answer = await ask(auth.origin, 'echo', {
    ...{ method: 'POST', body, headers: { 'Content-Type': TYPE, ...headers } },
  });
  return [answer.status, answer.json['error'] ?? answer.json];
};

describe('formOf()', () => {
  test('reads a form, whatever stands behind its type', async () => {
    const form = { a: 'b c', d: 'ü&=' };
    expect(await send('a=b+c&d=%C3%BC%26%3D')).toEqual([200, form]);
    expect(
      await send('a=b+c&d=%C3%BC%26%3D', { 'Content-Type': `${TYPE}; charset=UTF-8` }),
    ).toEqual([200, form]);
  });

  test.each<[string, string, Record<string, string>]>([
    ['JSON', '{"a":"b"}', { 'Content-Type': 'application/json' }],
    ['no type', 'a=b', { 'Content-Type': '' }],
    ['a compressed body', 'a=b', { 'Content-Encoding': 'gzip' }],
    ['more than 64 kB', `a=${'x'.repeat(65 * 1024)}`, {}],
    ['a parameter twice', 'client_id=a&client_id=b', {}],
    ['the same twice', 'client_id=a&client_id=a', {}],
    ['one twice, once without a value', 'code=&code=a', {}],
    ['a broken escape', 'a=%E4', {}],
    ['NUL', 'a=%00', {}],
  ])('refuses %s', async (_what, body, headers) => {
    expect(await send(body, headers)).toEqual([400, 'invalid_request']);
  });

  test('answers where the client announces more than it sends', async () => {
    const head = `POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: ${TYPE}\r\nContent-Length: 99999999`;
    const answer = await rawRequest(Number(new URL(auth.origin).port), `${head}\r\n\r\na=b`, 300);
    expect(answer === '' || answer.startsWith('HTTP/1.1 4')).toBe(true);
  });
});

describe('parseForm()', () => {
  test('takes what has no value as left out (RFC 6749 3.1)', () => {
    expect([...parseForm('a=&b&c=1&&__proto__=2')]).toEqual([
      ['c', '1'],
      ['__proto__', '2'],
    ]);
  });

  test('required() names what is missing', () => {
    expect(required(parseForm('a=1'), 'a')).toBe('1');
    expect(() => required(parseForm('a='), 'a')).toThrow(
      new OAuthError('invalid_request', 'The parameter a is missing.'),
    );
  });
});
