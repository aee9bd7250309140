import { createHash, randomBytes } from 'node:crypto';
import { openBrowser } from '../helpers/browser.ts';
import { follow, press } from '../helpers/forms.ts';

/** Callers of a server with KILN_AUTH=smart, and their tokens, by HTTP alone. */

export const BOOTSTRAP = { id: 'bench', secret: 'bench-bootstrap-secret' };

/** What a server with authentication is started with. */
export const SMART: NodeJS.ProcessEnv = {
  KILN_AUTH: 'smart',
  KILN_BOOTSTRAP_CLIENT: `${BOOTSTRAP.id}:${BOOTSTRAP.secret}`,
  KILN_ACCESS_TOKEN_TIME: '1h',
};

const APP = 'bench-app';
const CALLBACK = 'http://127.0.0.1:9/callback';
const PASSWORD = 'as long as a ward is wide';

async function answered(response: Response): Promise<Record<string, unknown>> {
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.url}: ${response.status} ${text.slice(0, 300)}`);
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
}

/** A token of the bootstrap client (client credentials); good for five minutes. */
export async function systemToken(origin: string): Promise<string> {
  const { id, secret } = BOOTSTRAP;
  const response = await fetch(`${origin}/auth/token`, {
    method: 'POST',
    headers: { Authorization: `Basic ${btoa(`${id}:${secret}`)}` },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  });
  return String((await answered(response))['access_token']);
}

const sendJson = async (method: string, url: string, token: string, body: object) =>
  answered(
    await fetch(url, {
      method,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    }),
  );

/** The app through which people come; one of the hospital's own, so that nobody is asked for consent. */
export async function registerApp(origin: string): Promise<void> {
  await sendJson('PUT', `${origin}/admin/clients/${APP}`, await systemToken(origin), {
    ...{ client_name: 'Bench', token_endpoint_auth_method: 'none', trusted: true },
    ...{ grant_types: ['authorization_code'], redirect_uris: [CALLBACK] },
    scope: 'openid fhirUser launch/patient patient/*.rs user/*.cruds',
  });
}

export interface Person {
  readonly login: string;
  readonly fhirUser: string;
  readonly roles: readonly string[];
  readonly branches?: readonly string[];
  readonly scope: string;
}

/** Makes a user, who chooses a password, signs in and gets a token as an app would. */
export async function tokenOf(origin: string, { scope, ...person }: Person): Promise<string> {
  const user = { ...person, name: person.login };
  const made = await sendJson('POST', `${origin}/admin/users`, await systemToken(origin), user);
  const browser = openBrowser(origin);
  const link = new URL(String(made['invitation']));
  const invited = await browser.get(`${link.pathname}${link.search}`);
  await press(browser, invited, {
    press: 'Set the password',
    fill: { password: PASSWORD, again: PASSWORD },
  });
  const verifier = randomBytes(32).toString('base64url');
  const asked = await browser.get(
    `/auth/authorize?${new URLSearchParams({
      ...{ response_type: 'code', client_id: APP, redirect_uri: CALLBACK, state: 's', scope },
      ...{ aud: `${origin}/fhir`, code_challenge_method: 'S256' },
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    })}`,
  );
  const back = await follow(browser, asked);
  const code = new URL(back.to ?? 'none:').searchParams.get('code');
  if (!code) throw new Error(`no code for ${person.login}: ${back.to ?? back.text.slice(0, 500)}`);
  const tokens = await fetch(`${origin}/auth/token`, {
    method: 'POST',
    body: new URLSearchParams({
      ...{ grant_type: 'authorization_code', client_id: APP, redirect_uri: CALLBACK },
      ...{ code, code_verifier: verifier },
    }),
  });
  return String((await answered(tokens))['access_token']);
}
