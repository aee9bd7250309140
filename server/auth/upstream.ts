import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  buildEndSessionUrl,
  type Configuration,
  calculatePKCECodeChallenge,
  discovery,
  enableNonRepudiationChecks,
  randomNonce,
  randomPKCECodeVerifier,
} from 'openid-client';
import type { AuthService } from './types.ts';
import type { UpstreamSettings } from './upstream-settings.ts';

/** The only user of openid-client: Kiln as a client of the hospital's identity provider. */

/** Seconds for which its metadata are not asked for again. */
const METADATA = 3600;
/** Seconds for one request to it. */
const PATIENCE = 5;

export const CALLBACK = '/auth/upstream/callback';

/** Why nobody was signed in. `away`: it could not be reached. */
export class UpstreamError extends Error {
  readonly kind: 'away' | 'refused';

  constructor(kind: 'away' | 'refused', cause: unknown) {
    super(kind, { cause });
    this.name = 'UpstreamError';
    this.kind = kind;
  }
}

/** What has to come back, kept on the server with the hash of `state`. */
export interface Expected {
  verifier: string;
  nonce: string;
}

/**
 * Where to send the browser, and what has to come back from there (authorization code with PKCE).
 *
 * @param fresh asks for signing in again, even if somebody is signed in there
 * @throws UpstreamError
 */
export async function upstreamRequest(
  service: AuthService,
  settings: UpstreamSettings,
  { state, fresh, hint }: { state: string; fresh: boolean; hint: string | undefined },
): Promise<{ url: string; expected: Expected }> {
  const configuration = await configurationOf(service, settings);
  const expected = { verifier: randomPKCECodeVerifier(), nonce: randomNonce() };
  const url = buildAuthorizationUrl(configuration, {
    redirect_uri: `${service.config.origin}${CALLBACK}`,
    scope: settings.scope ?? 'openid profile',
    state,
    nonce: expected.nonce,
    code_challenge: await calculatePKCECodeChallenge(expected.verifier),
    code_challenge_method: 'S256',
    ...(settings.acr !== undefined && { acr_values: settings.acr }),
    ...(fresh && { prompt: 'login', max_age: '0' }),
    ...(hint !== undefined && { login_hint: hint }),
  });
  return { url: url.href, expected };
}

/**
 * The claims of the id_token that the answer leads to: its signature, issuer, audience, times and
 * nonce are checked, `iss` of the answer too (RFC 9207).
 *
 * @param query of the callback, with its question mark
 * @throws UpstreamError
 */
export async function upstreamClaims(
  service: AuthService,
  settings: UpstreamSettings,
  { query, state, expected }: { query: string; state: string; expected: Expected },
): Promise<Readonly<Record<string, unknown>>> {
  const configuration = await configurationOf(service, settings);
  // Under the name it is registered by, whatever the proxy in front calls it.
  const answer = new URL(`${service.config.origin}${CALLBACK}${query}`);
  try {
    const tokens = await authorizationCodeGrant(configuration, answer, {
      pkceCodeVerifier: expected.verifier,
      expectedState: state,
      expectedNonce: expected.nonce,
      idTokenExpected: true,
    });
    return { ...tokens.claims() };
  } catch (error) {
    throw new UpstreamError('refused', error);
  }
}

/** Where its keys are. Throws UpstreamError. */
export async function upstreamKeys(
  service: AuthService,
  settings: UpstreamSettings,
): Promise<string | undefined> {
  return (await configurationOf(service, settings)).serverMetadata().jwks_uri;
}

/** Where people sign out there; undefined where it offers that to nobody, or cannot be reached. */
export async function upstreamSignOut(
  service: AuthService,
  settings: UpstreamSettings,
): Promise<string | undefined> {
  try {
    const configuration = await configurationOf(service, settings);
    const { end_session_endpoint: offered } = configuration.serverMetadata();
    return offered === undefined ? undefined : buildEndSessionUrl(configuration).href;
  } catch (error) {
    if (error instanceof UpstreamError) return undefined;
    throw error;
  }
}

interface Known {
  configuration: Promise<Configuration>;
  until: number;
}

const known = new WeakMap<AuthService, Known>();

/** Asked for when the first one signs in, so that Kiln starts without it. */
async function configurationOf(
  service: AuthService,
  settings: UpstreamSettings,
): Promise<Configuration> {
  const now = service.now();
  const kept = known.get(service);
  if (kept && kept.until > now) return kept.configuration;
  const configuration = discover(settings);
  known.set(service, { configuration, until: now + METADATA * 1000 });
  try {
    return await configuration;
  } catch (error) {
    known.delete(service);
    throw new UpstreamError('away', error);
  }
}

async function discover(settings: UpstreamSettings): Promise<Configuration> {
  const { issuer, clientId, clientSecret, algorithm = 'RS256' } = settings;
  const url = new URL(issuer);
  const metadata = {
    id_token_signed_response_alg: algorithm,
    ...(clientSecret !== undefined && { client_secret: clientSecret }),
  };
  const configuration = await discovery(url, clientId, metadata, undefined, {
    timeout: PATIENCE,
    // Signatures count even where the token came from the provider itself over TLS.
    execute: [enableNonRepudiationChecks, ...(isLoopback(url) ? [allowInsecureRequests] : [])],
  });
  if (configuration.serverMetadata().issuer === issuer) return configuration;
  throw new Error('the identity provider calls itself by another name');
}

const isLoopback = ({ protocol, hostname }: URL): boolean =>
  protocol === 'http:' && /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(hostname);
