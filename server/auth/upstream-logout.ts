import { loadSql } from '../db/db.ts';
import { addressOf } from './address.ts';
import { type By, byOf, noteSoon } from './audit.ts';
import { fetchJwks } from './fetch-jwks.ts';
import { formOf, required } from './form.ts';
import { type Claims, type Expected, type Jwk, readUnverified, verify } from './jose.ts';
import { allow } from './limits.ts';
import { OutboundError } from './outbound.ts';
import { type AuthContext, type AuthRoute, answerJson } from './route.ts';
import { endUpstreamSessions } from './sessions.ts';
import { type AuthService, OAuthError } from './types.ts';
import { UpstreamError, upstreamKeys } from './upstream.ts';
import { type UpstreamSettings, upstreamSettings } from './upstream-settings.ts';

/** OpenID Connect Back-Channel Logout 1.0: the identity provider ends sessions that came from it. */

const USE = loadSql(import.meta.url, 'assertion-use.sql');

export const routes: readonly AuthRoute[] = [
  { method: 'POST', path: '/auth/upstream/logout', handler: logout },
];

/** All come from one address: many people go home at the same time. */
const perAddress = { most: 600, per: 60 };
/** Seconds that a logout token counts. */
const LIFETIME = 300;
const TOLERANCE = 60;
const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

/** POST /auth/upstream/logout */
async function logout(service: AuthService, context: AuthContext): Promise<Response> {
  try {
    return await endThere(service, context);
  } catch (error) {
    if (error instanceof OAuthError) {
      const text = `a back-channel logout was refused: ${error.message}`;
      noteSoon(service, 'logout', { by: byOf(service, context), outcome: 4, text });
    }
    throw error;
  }
}

async function endThere(service: AuthService, context: AuthContext): Promise<Response> {
  await allow(service, `logout@${addressOf(service, context)}`, perAddress);
  const settings = upstreamSettings(service);
  if (!settings) throw refused('there is no identity provider');
  const token = required(await formOf(context), 'logout_token');
  const claims = await checked(service, settings, token);
  await useOnce(service, settings, claims);
  const { sid, sub } = claims;
  await endUpstreamSessions(service, {
    ...{ issuer: settings.issuer, by: byUpstream(service, context, settings) },
    ...(typeof sid === 'string' && { sid }),
    ...(typeof sub === 'string' && { subject: sub }),
  });
  return answerJson({});
}

/** The identity provider, which proved itself by its signature. */
function byUpstream(
  service: AuthService,
  context: AuthContext,
  { issuer, name }: UpstreamSettings,
): By {
  return byOf(service, context, { client: { id: issuer, name, settings: {} } });
}

/** 2.6 there. Throws OAuthError invalid_request. */
async function checked(
  service: AuthService,
  settings: UpstreamSettings,
  token: string,
): Promise<Claims> {
  const read = readUnverified(token);
  if (!read) throw refused('it is no JWT');
  const { typ } = read.header;
  if (typ !== undefined && !/^(application\/)?(logout\+jwt|jwt)$/i.test(String(typ))) {
    throw refused('its typ is another');
  }
  const key = await keyOf(service, settings, read.header);
  const result = await verify(token, key, expectedOf(service, settings, read.claims));
  if ('fault' in result) throw refused(result.fault);
  const fault = faultOf(result.claims, service.now() / 1000);
  if (fault !== undefined) throw refused(fault);
  return result.claims;
}

function expectedOf(
  service: AuthService,
  { issuer, clientId, algorithm = 'RS256' }: UpstreamSettings,
  { sub }: Claims,
): Expected {
  return {
    algorithms: [algorithm],
    issuer,
    // Any subject will do: it says whose sessions are to end.
    subject: sub as string,
    audience: [clientId],
    required: ['iat', 'jti', 'events'],
    now: service.now(),
    tolerance: TOLERANCE,
  };
}

function faultOf({ iat, jti, events, nonce, sid, sub }: Claims, now: number): string | undefined {
  if (typeof iat !== 'number' || iat > now + TOLERANCE || iat < now - LIFETIME) {
    return 'its iat is not of now';
  }
  const isEvent = typeof events === 'object' && events !== null && Object.hasOwn(events, EVENT);
  if (!isEvent) return 'it is about another event';
  // An id_token must not do as a logout token.
  if (nonce !== undefined) return 'it has a nonce';
  if (typeof jti !== 'string' || jti === '' || jti.length > 500) return 'its jti is no text';
  return typeof sid === 'string' || typeof sub === 'string' ? undefined : 'it says not whose';
}

async function keyOf(
  service: AuthService,
  settings: UpstreamSettings,
  { kid }: Claims,
): Promise<Jwk> {
  if (typeof kid !== 'string') throw refused('it has no kid');
  try {
    const url = await upstreamKeys(service, settings);
    const keys = url === undefined ? [] : await fetchJwks(inside(service, settings), url, kid);
    const fitting = keys.filter((key) => key['kid'] === kid && key['use'] !== 'enc');
    if (fitting.length === 1 && fitting[0]) return fitting[0];
  } catch (error) {
    if (!(error instanceof UpstreamError) && !(error instanceof OutboundError)) throw error;
    service.log.warn({ part: 'auth', error }, 'no keys for a logout');
    throw refused('its key cannot be had');
  }
  throw refused('no key has its kid');
}

const insides = new WeakMap<AuthService, AuthService>();

/** The service, with the identity provider's host as one inside the network that may be asked. */
function inside(service: AuthService, { issuer }: UpstreamSettings): AuthService {
  const made = insides.get(service);
  if (made) return made;
  const fetchAllow = [...service.config.fetchAllow, new URL(issuer).hostname];
  const derived = { ...service, config: { ...service.config, fetchAllow } };
  insides.set(service, derived);
  return derived;
}

async function useOnce(
  service: AuthService,
  { issuer }: UpstreamSettings,
  { jti }: Claims,
): Promise<void> {
  const now = service.now() / 1000;
  const used = await service.db.execute(USE, [
    ...[`upstream ${issuer}`, jti, now + LIFETIME + TOLERANCE, now],
  ]);
  if (used === 0) throw refused('it was used before');
}

const refused = (why: string): OAuthError =>
  new OAuthError('invalid_request', `The logout token was refused: ${why}.`);
