import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type AuthRoute, answerOAuth } from '../../server/auth/route.ts';
import { OAuthError } from '../../server/auth/types.ts';
import { DbError } from '../../server/db/db.ts';
import { type OpenAuth, openAuth, type TestAuth } from '../helpers/auth.ts';
import { ask } from '../helpers/http.ts';

let thrown: unknown;
const failing: AuthRoute = {
  ...{ method: 'GET', path: '/failing' },
  handler: async () => {
    throw thrown;
  },
};

let auth: OpenAuth;
let service: TestAuth;

beforeAll(async () => {
  auth = await openAuth([[failing]]);
  ({ service } = auth);
});
afterAll(() => auth.stop());
beforeEach(() => {
  service.lines.length = 0;
});

interface Case {
  error: unknown;
  status: number;
  code: string;
  /** `null` where it must not be there. */
  header: [name: string, value: string | null];
  logged?: true;
}

const cases: Case[] = [
  {
    ...{ error: new OAuthError('invalid_grant', 'Spent.'), status: 400, code: 'invalid_grant' },
    header: ['www-authenticate', null],
  },
  {
    ...{ error: new OAuthError('invalid_client', 'Unknown.', 401), status: 401 },
    ...{ code: 'invalid_client', header: ['www-authenticate', 'Basic realm="kiln"'] },
  },
  {
    ...{ error: new OAuthError('invalid_token', 'Dead.', 401), status: 401, code: 'invalid_token' },
    header: ['www-authenticate', 'Bearer realm="kiln", error="invalid_token"'],
  },
  {
    ...{ error: new OAuthError('slow_down', 'Too many.', 429, 1.2), status: 429 },
    ...{ code: 'slow_down', header: ['retry-after', '2'] },
  },
  {
    ...{ error: new DbError('unavailable', 'secret'), status: 503 },
    ...{ code: 'temporarily_unavailable', header: ['retry-after', '1'] },
  },
  {
    ...{ error: new DbError('other', 'at "secret"'), status: 500, code: 'server_error' },
    ...{ header: ['retry-after', null], logged: true },
  },
  {
    ...{ error: new TypeError('at "secret"'), status: 500, code: 'server_error' },
    ...{ header: ['www-authenticate', null], logged: true },
  },
];

test.each(cases)(
  '$error is answered as RFC 6749 5.2 has it, without what is inside',
  async (one) => {
    thrown = one.error;
    const answer = await ask(auth.origin, 'failing');
    expect([answer.status, answer.json['error']]).toEqual([one.status, one.code]);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('pragma')).toBe('no-cache');
    expect(answer.headers.get(one.header[0])).toBe(one.header[1]);
    expect(service.lines.length > 0).toBe(one.logged ?? false);
    expect(answer.text + service.lines.join('')).not.toContain('secret');
  },
);

test('descriptions hold only what RFC 6749 allows', async () => {
  const error = new OAuthError('invalid_request', 'a "b" \\ ü\n');
  expect(await answerOAuth(error).json()).toEqual({
    ...{ error: 'invalid_request', error_description: "a 'b' ' ''" },
  });
});
