import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider, { type Context } from 'oidc-provider';
import { type Browser, openBrowser } from './browser.ts';

/** A hospital's identity provider (oidc-provider) on a real socket. */
export interface Idp {
  issuer: string;
  /** The claims of its accounts by `sub`; whoever is not listed may sign in too. */
  accounts: Map<string, Record<string, unknown>>;
  /** Makes it publish other keys than it signs with. */
  publishOtherKeys(): void;
  stop(): Promise<void>;
}

export const CLIENT = { id: 'kiln', secret: 'a-secret-between-two-servers' };

/** @param origin of the server that is its client */
export async function startIdp(origin: string): Promise<Idp> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const accounts: Idp['accounts'] = new Map();
  const provider = silently(() => new Provider(issuer, configurationOf(origin, accounts)));
  let otherKeys = false;
  provider.use(async (context: Context, next) => {
    await next();
    if (otherKeys && context.path === '/jwks') context.body = { keys: [publicOf(keys.other)] };
  });
  server.on('request', provider.callback());
  return {
    ...{ issuer, accounts },
    publishOtherKeys: () => {
      otherKeys = true;
    },
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

const newKey = () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: 'k1', use: 'sig', alg: 'RS256' };
};

/** Made once, as it takes long. Both have the same `kid`. */
const keys = { own: newKey(), other: newKey() };

function publicOf({ kty, n, e, kid, use, alg }: ReturnType<typeof newKey>): object {
  return { kty, n, e, kid, use, alg };
}

const NAMES = ['name', 'preferred_username', 'email', 'groups', 'realm_access'];

function configurationOf(origin: string, accounts: Idp['accounts']): Record<string, unknown> {
  return {
    clients: [
      {
        client_id: CLIENT.id,
        client_secret: CLIENT.secret,
        redirect_uris: [`${origin}/auth/upstream/callback`],
        token_endpoint_auth_method: 'client_secret_post',
        backchannel_logout_uri: `${origin}/auth/upstream/logout`,
        backchannel_logout_session_required: true,
        require_auth_time: true,
      },
    ],
    jwks: { keys: [keys.own] },
    cookies: { keys: ['for tests only'] },
    ttl: { Interaction: 600, Grant: 600, Session: 600, AccessToken: 600, IdToken: 600 },
    claims: { acr: null, sid: null, auth_time: null, iss: null, openid: ['sub'], profile: NAMES },
    conformIdTokenClaims: false,
    features: {
      backchannelLogout: { enabled: true },
      devInteractions: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (context: Context, form: string) => {
          context.body = form;
        },
      },
    },
    pkce: { required: () => true },
    // Its own guard refuses loopback addresses.
    fetch: (url: URL, { method, headers, body }: RequestInit) =>
      globalThis.fetch(url, {
        ...(method && { method }),
        ...(headers && { headers }),
        body: body ?? null,
      }),
    findAccount: (_context: Context, sub: string) => ({
      accountId: sub,
      claims: () => ({ sub, ...accounts.get(sub) }),
    }),
    loadExistingGrant: async ({ oidc }: Context) => {
      const of = { clientId: oidc.client.clientId, accountId: oidc.session.accountId };
      const grant = new oidc.provider.Grant(of);
      grant.addOIDCScope('openid profile');
      await grant.save();
      return grant;
    },
  };
}

/** It warns that it keeps all in memory and shows forms for development, which is what we want. */
function silently<T>(make: () => T): T {
  const { warn } = console;
  console.warn = () => undefined;
  try {
    return make();
  } finally {
    console.warn = warn;
  }
}

/** A person's browser at the provider. */
export const openThere = (idp: Idp): Browser => openBrowser(idp.issuer);

/** Follows a redirect to the provider and signs in there; the URL that it leads back to. */
export async function signInThere(there: Browser, url: string, sub: string): Promise<string> {
  let visit = await there.get(url);
  for (let steps = 0; steps < 10; steps++) {
    if (visit.to !== undefined && !visit.to.startsWith('/')) return visit.to;
    const action = /action="([^"]*)"/.exec(visit.text)?.[1];
    if (visit.to !== undefined) visit = await there.get(visit.to);
    else if (action === undefined) throw new Error(`the provider answers ${visit.status}`);
    else visit = await there.post(action, { prompt: 'login', login: sub, password: 'any' });
  }
  throw new Error('the provider does not lead back');
}

/** Signs out there, which tells its clients. */
export async function signOutThere(there: Browser): Promise<void> {
  const { hidden } = await there.get('/session/end');
  const visit = await there.post('/session/end/confirm', {
    xsrf: hidden['xsrf'] ?? '',
    logout: 'yes',
  });
  if (visit.status !== 303) throw new Error(`the provider answers ${visit.status}`);
}
