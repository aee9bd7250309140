import { loadSql } from '../db/db.ts';
import { ASSERTION_ALGORITHMS, type AssertionAlgorithm, chooseKey } from './client-keys.ts';
import { findClient } from './clients.ts';
import { fetchJwks } from './fetch-jwks.ts';
import { type Claims, type Jwk, readUnverified, verify } from './jose.ts';
import { OutboundError } from './outbound.ts';
import { type AuthService, type Client, OAuthError } from './types.ts';

/**
 * `private_key_jwt`: a client proves itself by a JWT that it signs (SMART App Launch 2.2,
 * "client-confidential-asymmetric"; RFC 7523 3).
 */

const USE = loadSql(import.meta.url, 'assertion-use.sql');
const DROP = loadSql(import.meta.url, 'assertions-drop.sql');

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const LONGEST = 16_000;
/** `exp` at most so far ahead, and clocks at most so far apart; seconds. */
const AHEAD = 300;
const TOLERANCE = 5;
const DROP_EVERY_MS = 60_000;

/**
 * The client whose assertion this is; the assertion is used up.
 * @param admit may refuse a client before the costly part of the work
 * @throws OAuthError invalid_client
 */
export async function clientOfAssertion(
  service: AuthService,
  assertion: string,
  admit: (client: Client) => Promise<void>,
): Promise<Client> {
  const header = headerOf(assertion);
  const client = await findClient(service, header.issuer);
  if (client?.auth !== 'key') throw refused('its iss is no client that is registered with keys');
  await admit(client);
  if (header.jku !== undefined && header.jku !== client.jwksUri) {
    throw refused('its jku is not the jwks_uri that the client is registered with');
  }
  const key = chooseKey(await keysOf(service, client, header.kid), header);
  if (typeof key === 'string') throw refused(key);
  const claims = await verified(service, { assertion, key, client, algorithm: header.algorithm });
  await useUp(service, client, claims);
  return client;
}

interface Header {
  algorithm: AssertionAlgorithm;
  kid: string;
  jku: unknown;
  /** Who it says it is from: to be verified. */
  issuer: string;
}

function headerOf(assertion: string): Header {
  const read = assertion.length > LONGEST ? undefined : readUnverified(assertion);
  if (!read) throw refused('it is no JWT');
  const { alg, kid, jku, typ, crit } = read.header;
  const { iss: issuer } = read.claims;
  if (typeof alg !== 'string' || !Object.hasOwn(ASSERTION_ALGORITHMS, alg)) {
    throw refused('its alg is not RS384 or ES384');
  }
  if (!isType(typ)) throw refused('its typ is not JWT');
  if (crit !== undefined) throw refused('its header names critical extensions');
  if (typeof kid !== 'string' || kid === '') throw refused('its header has no kid');
  if (typeof issuer !== 'string') throw refused('its claim iss is missing');
  return { algorithm: alg as AssertionAlgorithm, kid, jku, issuer };
}

/** SMART demands `JWT`, but openid-client 6 sends none; the other one is of rfc7523bis. */
const isType = (typ: unknown): boolean =>
  typ === undefined ||
  (typeof typ === 'string' && /^(application\/)?(jwt|client-authentication\+jwt)$/i.test(typ));

async function keysOf(service: AuthService, client: Client, kid: string): Promise<readonly Jwk[]> {
  if (client.jwksUri === undefined) return client.jwks?.keys ?? [];
  try {
    return await fetchJwks(service, client.jwksUri, kid);
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error;
    service.log.warn({ part: 'auth', client: client.id, error }, 'keys of a client not fetched');
    throw refused('the keys at the jwks_uri of the client could not be fetched');
  }
}

interface Signed {
  assertion: string;
  key: Jwk;
  client: Client;
  algorithm: AssertionAlgorithm;
}

async function verified(service: AuthService, signed: Signed): Promise<Claims> {
  const { id } = signed.client;
  const result = await verify(signed.assertion, signed.key, {
    algorithms: [signed.algorithm],
    ...{ issuer: id, subject: id, audience: audiencesOf(service) },
    required: ['exp', 'jti'],
    ...{ now: service.now(), tolerance: TOLERANCE },
  });
  if ('fault' in result) throw refused(result.fault);
  const fault = claimFault(result.claims, service.now() / 1000);
  if (fault !== undefined) throw refused(fault);
  return result.claims;
}

/** SMART says the token URL; rfc7523bis and openid-client say the issuer. */
const audiencesOf = ({ config }: AuthService): string[] => [
  `${config.origin}/auth/token`,
  config.base,
];

/** What verifying leaves open. A second audience could use the assertion against us (RFC 9700 4.4). */
function claimFault({ aud, exp, iat, jti }: Claims, now: number): string | undefined {
  if (typeof aud !== 'string') return 'its claim aud is not one single string';
  if (Number(exp) > now + AHEAD) return `its claim exp is more than ${AHEAD} s ahead`;
  if (iat !== undefined && !(typeof iat === 'number' && iat <= now + TOLERANCE)) {
    return 'its claim iat is no time in the past';
  }
  if (typeof jti !== 'string' || !/^[^\p{Cc}\p{Cs}]{1,300}$/u.test(jti)) {
    return 'its claim jti is not a text of 1 to 300 characters';
  }
  return undefined;
}

/** Atomic: of several uses at the same time the database lets one through. */
async function useUp(service: AuthService, client: Client, claims: Claims): Promise<void> {
  const now = service.now() / 1000;
  const until = Number(claims['exp']) + TOLERANCE;
  const used = await service.db.execute(USE, [client.id, claims['jti'], until, now]);
  if (used !== 1) throw refused('its jti was used before');
  await dropSometimes(service);
}

const dropped = new WeakMap<AuthService, number>();

async function dropSometimes(service: AuthService): Promise<void> {
  const now = service.now();
  if ((dropped.get(service) ?? 0) > now - DROP_EVERY_MS) return;
  dropped.set(service, now);
  await service.db.execute(DROP, [now / 1000]);
}

const refused = (why: string): OAuthError =>
  new OAuthError('invalid_client', `The client assertion is refused: ${why}.`, 401);
