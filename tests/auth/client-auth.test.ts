import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { authenticateClient } from '../../server/auth/client-auth.ts';
import { hashClientSecret } from '../../server/auth/client-secret.ts';
import { disableClient, setClientSecret } from '../../server/auth/clients.ts';
import { formOf } from '../../server/auth/form.ts';
import { hashPassword } from '../../server/auth/passwords.ts';
import { type AuthRoute, answerJson } from '../../server/auth/route.ts';
import {
  newClient,
  newConfidential,
  type OpenAuth,
  openAuth,
  postForm,
  type TestAuth,
} from '../helpers/auth.ts';
import type { Answer } from '../helpers/http.ts';

/** Tells which client it was. */
const whoami: AuthRoute = {
  ...{ method: 'POST', path: '/whoami' },
  handler: async (service, context) => {
    const { id } = await authenticateClient(service, context, await formOf(context));
    return answerJson({ id });
  },
};

const ODD = 'a+b%41:c d/ü';

let auth: OpenAuth;
let service: TestAuth;

beforeAll(async () => {
  auth = await openAuth([[whoami]]);
  ({ service } = auth);
  await newClient(service, { id: 'public' });
  await newConfidential(service, { id: 'secretive' });
  await newConfidential(service, { id: 'odd:id', secretHash: hashClientSecret(ODD) });
  await newConfidential(service, { id: 'chosen', secretHash: await hashPassword('open sesame') });
  await newClient(service, { id: 'keyed', auth: 'key', jwks: { keys: [] } });
  await newConfidential(service, { id: 'converted', auth: 'key', jwks: { keys: [] } });
  await newConfidential(service, { id: 'gone' });
  await disableClient(service, 'gone');
});
afterAll(() => auth.stop());

const encode = (text: string): string => encodeURIComponent(text).replaceAll('%20', '+');
const basicOf = (text: string): Record<string, string> => ({
  Authorization: `Basic ${Buffer.from(text).toString('base64')}`,
});

const ask = (form: Record<string, string>, headers: Record<string, string> = {}): Promise<Answer> =>
  postForm(`${auth.origin}/whoami`, { x: 'y', ...form }, headers);

describe('authenticateClient() accepts', () => {
  it.each<[string, string, Record<string, string>, Record<string, string>?]>([
    ['a public client by its id', 'public', { client_id: 'public' }],
    ['an empty secret as none', 'public', { client_id: 'public', client_secret: '' }],
    ['a secret in the form', 'secretive', { client_id: 'secretive', client_secret: 'secret' }],
    ['a secret in the header', 'secretive', {}, basicOf('secretive:secret')],
    [
      'the scheme in small letters',
      'secretive',
      {},
      { Authorization: `basic ${btoa('secretive:secret')}` },
    ],
    ['the id in both', 'secretive', { client_id: 'secretive' }, basicOf('secretive:secret')],
    ['parts encoded as in forms', 'odd:id', {}, basicOf(`${encode('odd:id')}:${encode(ODD)}`)],
    ['a secret a person chose', 'chosen', {}, basicOf('chosen:open sesame')],
  ])('%s', async (_what, id, form, headers) => {
    expect((await ask(form, headers)).json['id']).toBe(id);
  });

  it.each(['a+b%41:c', 'a+b%41:c%zz'])('the raw secret %s, as it is', async (secret) => {
    await newConfidential(service, { id: 'raw', secretHash: hashClientSecret(secret) });
    expect((await ask({}, basicOf(`raw:${secret}`))).json['id']).toBe('raw');
  });
});

describe('authenticateClient() refuses', () => {
  it.each<[string, Record<string, string>, Record<string, string>?]>([
    ['nothing', {}],
    ['a client nobody knows', { client_id: 'nobody' }],
    ['an id with NUL', {}, basicOf('a\0b:secret')],
    ['an id beyond all length', { client_id: 'x'.repeat(5000) }],
    ['a client that is disabled', { client_id: 'gone', client_secret: 'secret' }],
    ['a confidential client without its secret', { client_id: 'secretive' }],
    ['a wrong secret in the form', { client_id: 'secretive', client_secret: 'Secret' }],
    ['a wrong secret in the header', {}, basicOf('secretive:Secret')],
    [
      'the hash as the secret',
      { client_id: 'secretive', client_secret: hashClientSecret('secret') },
    ],
    ['a secret of a public client', { client_id: 'public', client_secret: 'x' }],
    ['a client with keys by its id alone', { client_id: 'keyed' }],
    ['a client with keys by its former secret', {}, basicOf('converted:secret')],
    ['a client with keys by a secret', { client_id: 'keyed', client_secret: 'x' }],
    [
      'a client_id that is not that of the header',
      { client_id: 'public' },
      basicOf('secretive:secret'),
    ],
    ['a header that is no base64', {}, { Authorization: 'Basic ???' }],
    ['a header without a colon', {}, basicOf('secretive')],
    ['a wrong secret that a person chose', {}, basicOf('chosen:open')],
  ])('%s', async (_what, form, headers) => {
    const { status, json, headers: answered } = await ask(form, headers);
    expect([status, json['error']]).toEqual([401, 'invalid_client']);
    expect(answered.get('www-authenticate')).toMatch(/^Basic /);
  });

  it.each<[string, Record<string, string>, Record<string, string>?]>([
    ['secret in header and form', { client_secret: 'secret' }, basicOf('secretive:secret')],
    [
      'secret and assertion',
      { client_id: 'secretive', client_secret: 'secret', client_assertion: 'x' },
    ],
    ['header and assertion', { client_assertion: 'x' }, basicOf('secretive:secret')],
  ])('several ways at once: %s', async (_what, form, headers) => {
    const { status, json } = await ask(form, headers);
    expect([status, json['error']]).toEqual([400, 'invalid_request']);
  });

  it('the same for a client that exists and one that does not', async () => {
    const known = await ask({ client_id: 'secretive', client_secret: 'x' });
    const unknown = await ask({ client_id: 'nobody', client_secret: 'x' });
    expect(known.text).toBe(unknown.text);
  });

  it('the old secret as soon as there is a new one', async () => {
    await newConfidential(service, { id: 'moving' });
    expect((await ask({}, basicOf('moving:secret'))).status).toBe(200);
    await setClientSecret(service, 'moving', hashClientSecret('newer'));
    expect((await ask({}, basicOf('moving:secret'))).status).toBe(401);
    expect((await ask({}, basicOf('moving:newer'))).status).toBe(200);
  });

  it('guesses at a secret that a person chose, more and more slowly', async () => {
    const hash = await hashPassword('correct horse');
    await newConfidential(service, { id: 'guessed', secretHash: hash });
    const statuses: number[] = [];
    for (let guess = 0; guess < 8; guess++) {
      statuses.push((await ask({}, basicOf(`guessed:guess-${guess}`))).status);
    }
    expect(statuses.slice(0, 5)).toEqual(Array(5).fill(401));
    expect(statuses.at(-1)).toBe(429);
    expect((await ask({}, basicOf('guessed:correct horse'))).status).toBe(429);
    service.pass(600);
    expect((await ask({}, basicOf('guessed:correct horse'))).status).toBe(200);
  });

  it('more requests of one client than any needs', async () => {
    await newConfidential(service, { id: 'busy' });
    const form = { client_id: 'busy', client_secret: 'secret' };
    const statuses: number[] = [];
    while (statuses.length < 800 && statuses.at(-1) !== 429) {
      statuses.push(
        ...(await Promise.all(Array.from({ length: 50 }, () => ask(form)))).map(
          (one) => one.status,
        ),
      );
    }
    expect(statuses.at(-1)).toBe(429);
    expect((await ask({ client_id: 'secretive', client_secret: 'secret' })).status).toBe(200);
    service.pass(60);
    expect((await ask(form)).status).toBe(200);
  });
});

describe('a secret that a person chose', () => {
  it('may be sent by many requests at once', async () => {
    const hash = await hashPassword('tea at four');
    await newConfidential(service, { id: 'crowd', secretHash: hash });
    const asking = Array.from({ length: 30 }, () => ask({}, basicOf('crowd:tea at four')));
    const statuses = (await Promise.all(asking)).map(({ status }) => status);
    expect(statuses).toEqual(Array(30).fill(200));
  });

  it('ends when it is replaced', async () => {
    expect((await ask({}, basicOf('crowd:tea at four'))).status).toBe(200);
    await setClientSecret(service, 'crowd', hashClientSecret('newer'));
    expect((await ask({}, basicOf('crowd:tea at four'))).status).toBe(401);
  });
});
