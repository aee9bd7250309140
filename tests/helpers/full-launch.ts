import { setPassword } from '../../server/auth/users.ts';
import { jwtBy, type Pair, pairOf } from './assertions.ts';
import { CALLBACK, newClient, newConfidential, newUser, postForm, VERIFIER } from './auth.ts';
import { type Browser, openBrowser, type Visit } from './browser.ts';
import { follow, press } from './forms.ts';
import { type Answer, type Ask, ask } from './http.ts';
import type { Secured } from './secured.ts';
import { authorize, cameBack, parametersOf } from './smart.ts';

/** Whole launches over HTTP, as an app and a person with a browser go through them. */

export const PASSWORD = 'correct horse battery';
export const ALLOW = 'Allow what is ticked';
const LONGEST_ASSERTION = 240;

export interface Flow {
  /** How the app proves itself: a public one, by a secret, by a signed assertion. */
  client: 'public' | 'secret' | 'RS384' | 'ES384';
  /** `app`: standalone; `record`: from the page that starts apps. */
  from: 'app' | 'record';
  /** How the browser comes to the authorization endpoint. */
  by: 'GET' | 'POST';
  scope: string;
  /** Login of who signs in (`newDoctor`). */
  user: string;
  /** What stands on the buttons of the pickers; an encounter where there is one to pick. */
  patient: string;
  encounter?: string;
  /** Fields of the consent page that are left out or ticked besides. */
  untick?: readonly string[];
  tick?: readonly string[];
}

export interface Launched {
  /** The token response. */
  tokens: Answer;
  /** Another one; by the last refresh token. */
  refresh(scope?: string): Promise<Answer>;
  /** A FHIR request with the newest access token. */
  as(url: string, options?: Ask): Promise<Answer>;
}

/** A user with a password and these roles. */
export async function newDoctor({ service }: Secured, login: string, roles: readonly string[]) {
  await newUser(service, { id: login, roles });
  await setPassword(service, login, PASSWORD);
}

/** An app that is registered, and what it sends to prove itself at the token endpoint. */
interface App {
  id: string;
  name: string;
  proof(): { fields: Record<string, string>; basic?: string };
}

let made = 0;

async function register({ service, base }: Secured, { client, scope }: Flow): Promise<App> {
  const id = `app-${++made}`;
  const name = `Chart ${made}.`;
  const changes = { id, name, scopes: `${scope} launch launch/patient launch/encounter` };
  if (client === 'public') {
    await newClient(service, changes);
    return { id, name, proof: () => ({ fields: { client_id: id } }) };
  }
  if (client === 'secret') {
    await newConfidential(service, changes);
    return { id, name, proof: () => ({ fields: {}, basic: `${id}:secret` }) };
  }
  const pair = pairOf(client === 'RS384' ? 'RSA' : 'EC', 'k1');
  await newClient(service, { ...changes, auth: 'key', jwks: { keys: [pair.jwk] } as never });
  const audience = base.replace(/fhir$/, 'auth/token');
  const now = () => Math.floor(service.now() / 1000);
  return { id, name, proof: () => ({ fields: assertion(pair, client, { id, audience, now }) }) };
}

let assertions = 0;

function assertion(
  { privateKey }: Pair,
  alg: string,
  { id, audience, now }: { id: string; audience: string; now: () => number },
): Record<string, string> {
  const exp = now() + LONGEST_ASSERTION;
  const claims = { iss: id, sub: id, aud: audience, exp, jti: `launch-${++assertions}` };
  return {
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: jwtBy(privateKey, { alg, typ: 'JWT', kid: 'k1' }, claims),
  };
}

/** Goes from the app, or the record, to the tokens. Throws where a page is not as expected. */
export async function launch(server: Secured, flow: Flow): Promise<Launched> {
  const app = await register(server, flow);
  const browser = openBrowser(new URL(server.base).origin);
  const ehr = flow.from === 'record' ? await fromRecord(browser, app, flow) : undefined;
  const asked = await askFor(server, browser, { app, flow, ehr });
  const consent = ehr ? asked : await pick(browser, await signIn(browser, asked, flow), flow);
  const { tick = [], untick = [] } = flow;
  const back = await press(browser, consent, { press: ALLOW, tick, untick });
  const code = cameBack(back)?.['code'];
  if (code === undefined) throw new Error(`no code came back, but: ${back.to ?? back.text}`);
  return tokensOf(server, app, code);
}

async function signIn(browser: Browser, page: Visit, { user }: Flow): Promise<Visit> {
  const fill = { login: user, password: PASSWORD };
  return follow(browser, await press(browser, page, { press: 'Sign in', fill }));
}

async function pick(browser: Browser, first: Visit, flow: Flow): Promise<Visit> {
  const { patient, encounter } = flow;
  const choose = async (page: Visit, label: string) =>
    follow(browser, await press(browser, page, { press: label }));
  const next = await choose(first, patient);
  return encounter === undefined ? next : choose(next, encounter);
}

/** `iss` and `launch`, as the app gets them. */
async function fromRecord(
  browser: Browser,
  { name }: App,
  flow: Flow,
): Promise<Record<string, string>> {
  const start = await follow(browser, await browser.get('/auth/launch'));
  const patients = await signIn(browser, start, flow);
  const apps = await follow(browser, await press(browser, patients, { press: flow.patient }));
  const fill = flow.encounter === undefined ? {} : { encounter: flow.encounter };
  const { to = '' } = await press(browser, apps, { press: name, fill });
  return Object.fromEntries(new URL(to).searchParams);
}

async function askFor(
  { service }: Secured,
  browser: Browser,
  { app, flow, ehr }: { app: App; flow: Flow; ehr: Record<string, string> | undefined },
): Promise<Visit> {
  const changes = {
    ...{ client_id: app.id, scope: flow.scope },
    ...(ehr && { aud: ehr['iss'] ?? '', launch: ehr['launch'] ?? '' }),
  };
  const first =
    flow.by === 'GET'
      ? await authorize(service, browser, changes)
      : // From a page of the app, which is of another origin.
        await browser.post('/auth/authorize', parametersOf(service, changes), {
          origin: 'https://app.example',
        });
  return follow(browser, first);
}

async function tokensOf(server: Secured, { proof }: App, code: string): Promise<Launched> {
  const url = server.base.replace(/fhir$/, 'auth/token');
  const post = (grant: Record<string, string>): Promise<Answer> => {
    const { fields, basic } = proof();
    return postForm(url, { ...fields, ...grant }, basic === undefined ? {} : { basic });
  };
  const grant = { grant_type: 'authorization_code', code, redirect_uri: CALLBACK };
  const tokens = await post({ ...grant, code_verifier: VERIFIER });
  let newest = tokens;
  return {
    tokens,
    refresh: async (scope) => {
      const refresh_token = String(newest.json['refresh_token']);
      const more = scope === undefined ? {} : { scope };
      newest = await post({ grant_type: 'refresh_token', refresh_token, ...more });
      return newest;
    },
    as: (path, options = {}) =>
      ask(server.base, path, {
        ...options,
        headers: { ...options.headers, Authorization: `Bearer ${newest.json['access_token']}` },
      }),
  };
}
