import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Hono } from 'hono';
import type { Agent } from '../audit/audit.ts';
import { FhirError } from '../fhir/error.ts';
import type { JsonObject } from '../fhir/types.ts';
import { pathOf } from '../request-path.ts';
import type { Actor } from '../store/store.ts';
import { accessOf } from './access.ts';
import { routes as accessExplain } from './access-explain.ts';
import { routes as account } from './account.ts';
import { routes as accountPasskeys } from './account-passkeys.ts';
import { routes as accountSessions } from './account-sessions.ts';
import { type Incoming, peerAddress } from './address.ts';
import { routes as adminBreakGlass } from './admin-break-glass.ts';
import { routes as adminClients } from './admin-clients.ts';
import { routes as adminRoles } from './admin-roles.ts';
import { routes as adminUsers } from './admin-users.ts';
import { sweepAttempts } from './attempts.ts';
import { authenticate, type Caller, keptCaller } from './authenticate.ts';
import { routes as authorize } from './authorize.ts';
import { ensureBootstrapClient } from './bootstrap.ts';
import { routes as brands } from './brands.ts';
import { routes as breakGlass } from './break-glass.ts';
import { routes as breakGlassPage } from './break-glass-page.ts';
import { routes as consent } from './consent.ts';
import { crossOriginHeaders, preflightHeaders } from './cors.ts';
import { routes as discovery, restSecurity } from './discovery.ts';
import { sweepGrants } from './grants.ts';
import { routes as introspect } from './introspect.ts';
import { routes as keys } from './keys.ts';
import { routes as launchStart } from './launch-start.ts';
import { setupLink } from './links.ts';
import { routes as page } from './page.ts';
import { routes as passkeySignIn } from './passkey-sign-in.ts';
import { routes as picker } from './picker.ts';
import { routes as registration } from './registration.ts';
import { routes as revoke } from './revoke.ts';
import { shipRoles } from './role-store.ts';
import { SHIPPED } from './roles-shipped.ts';
import { type AuthRoute, answerRoute } from './route.ts';
import { routes as secondFactor } from './second-factor.ts';
import { routes as secondFactorNew } from './second-factor-new.ts';
import { sweepSessions } from './sessions.ts';
import { routes as setup } from './setup.ts';
import { routes as signIn } from './sign-in.ts';
import { routes as signOut } from './sign-out.ts';
import { routes as state } from './state.ts';
import { strayAnswer } from './stray.ts';
import { routes as style } from './style.ts';
import { routes as systems } from './systems.ts';
import { routes as token } from './token.ts';
import { agentOf } from './trail.ts';
import { type AuthService, OAuthError } from './types.ts';
import { routes as upstreamLogout } from './upstream-logout.ts';
import { routes as upstreamSignIn } from './upstream-sign-in.ts';

export { anonymousActors } from './trail.ts';
export type { AuthConfig, AuthService } from './types.ts';

/** Every route of the authorization server. */
const routes: readonly AuthRoute[] = [
  ...[...discovery, ...authorize, ...launchStart, ...picker, ...consent],
  ...[...token, ...introspect, ...revoke, ...registration, ...keys],
  ...[...signIn, ...signOut, ...setup, ...account, ...page, ...style],
  ...[...passkeySignIn, ...secondFactor, ...secondFactorNew],
  ...[...accountPasskeys, ...accountSessions, ...upstreamSignIn, ...upstreamLogout],
  ...[...brands, ...state, ...systems],
  ...[...breakGlass, ...breakGlassPage, ...adminBreakGlass],
  ...[...adminClients, ...adminUsers, ...adminRoles, ...accessExplain],
];

interface Env {
  incoming: Pick<IncomingMessage, 'headers' | 'url' | 'method'>;
}

type Fetch<E extends Env> = (request: Request, env: E) => Response | Promise<Response>;

/** The authorization server as the rest of the process knows it. */
export interface Auth {
  /** Who calls the FHIR interface. Throws FhirError unauthorized. */
  authenticate(incoming: Incoming): Actor | Promise<Actor>;
  /** Answers what is the authorization server's, and gives all else its CORS headers. */
  inFrontOf<E extends Env>(fetch: Fetch<E>): Fetch<E>;
  /** The link with which the first administrator is made; undefined once there is one. */
  setupLink(): Promise<string | undefined>;
  /** What the CapabilityStatement says of it (CapabilityStatement.rest.security). */
  security: JsonObject;
  /** Ends what it does beside requests. */
  close(): void;
}

/** What has expired is thrown away so often; any process may. */
const SWEEP_MS = 3_600_000;

/** Grants first: sessions stay as long as one refers to them. */
async function sweepAll(service: AuthService): Promise<void> {
  try {
    await sweepGrants(service);
    await sweepSessions(service);
    await sweepAttempts(service);
  } catch (error) {
    service.log.warn({ part: 'auth', error }, 'what has expired could not be thrown away');
  }
}

export async function createAuth(service: AuthService): Promise<Auth> {
  await shipRoles(service, SHIPPED);
  await ensureBootstrapClient(service);
  const app = new Hono<{ Bindings: Env }>({
    getPath: (_request, options) => pathOf((options?.env as Env | undefined)?.incoming.url),
  });
  for (const route of routes) {
    const { method, path } = route;
    app.on(method, path, (context) => answerRoute(service, route, context as never));
  }
  const stray = strayAnswer(routes);
  app.notFound((context) => stray(context as never));
  const sweeping = setInterval(() => sweepAll(service), SWEEP_MS).unref();
  return {
    close: () => clearInterval(sweeping),
    authenticate: (incoming) => actorOf(service, incoming),
    inFrontOf: (fetch) => front(service, app.fetch as never, fetch),
    setupLink: () => setupLink(service),
    security: restSecurity(service),
  };
}

const OURS = /^\/(?:auth|admin|(?:fhir\/)?\.well-known)(?:\/|$)/;
/** What is public there may be read by any page. */
const PUBLIC = '/fhir/metadata';

function front<E extends Env>(service: AuthService, own: Fetch<E>, fetch: Fetch<E>): Fetch<E> {
  return (request, env) => {
    const { url = '/', headers, method } = env.incoming;
    if (OURS.test(pathOf(url))) return own(request, env);
    if (headers.origin === undefined || !url.startsWith('/fhir')) return fetch(request, env);
    const allowed = pathOf(url) === PUBLIC ? 'any' : 'clients';
    return withOrigin(service, { headers, allowed }, () =>
      method === 'OPTIONS'
        ? new Response(null, { status: 204, headers: preflightHeaders })
        : fetch(request, env),
    );
  };
}

async function withOrigin(
  service: AuthService,
  { headers, allowed }: { headers: IncomingHttpHeaders; allowed: 'any' | 'clients' },
  answer: () => Response | Promise<Response>,
): Promise<Response> {
  // First the answer: it finds out which client calls.
  const response = await answer();
  // Without the database nobody is known; the answer itself says that it is away.
  const added = await crossOriginHeaders(service, allowed, headers).catch(() => ({
    Vary: 'Origin',
  }));
  for (const [name, value] of Object.entries(added)) {
    if (name === 'Vary') response.headers.append(name, value);
    else response.headers.set(name, value as string);
  }
  return response;
}

/** An actor is good for so long before the roles and relations behind it are looked at again. */
const ACTOR_MS = 1000;

/** By the agent, which belongs to the grant object of the token cache: another one after each change. */
const actors = new WeakMap<Agent, { actor: Actor; scope: string; until: number }>();

/** At once for who called a moment ago. */
function actorOf(service: AuthService, incoming: Incoming): Actor | Promise<Actor> {
  const caller = keptCaller(service, incoming.headers);
  return (caller && keptActor(service, incoming, caller)) ?? lookUpActor(service, incoming);
}

function keptActor(service: AuthService, incoming: Incoming, caller: Caller): Actor | undefined {
  const agent = agentOf(caller, peerAddress(service.config.trustedProxies, incoming));
  const known = actors.get(agent);
  const holds = known && known.until > service.now() && known.scope === caller.scope;
  return holds ? known.actor : undefined;
}

async function lookUpActor(service: AuthService, incoming: Incoming): Promise<Actor> {
  const caller = await callerOf(service, incoming.headers);
  const known = keptActor(service, incoming, caller);
  if (known) return known;
  const now = service.now();
  const access = await accessOf(service, caller);
  const { user, client, scope } = caller;
  const agent = agentOf(caller, peerAddress(service.config.trustedProxies, incoming));
  const trail = { agent };
  const actor: Actor = user
    ? { kind: 'user', name: user.id, access, trail }
    : { kind: 'client', name: client.id, access, trail };
  actors.set(agent, { actor, scope, until: now + ACTOR_MS });
  return actor;
}

async function callerOf(service: AuthService, headers: IncomingHttpHeaders): Promise<Caller> {
  try {
    const caller = await authenticate(service, headers);
    if (caller) return caller;
  } catch (error) {
    if (error instanceof OAuthError) throw new FhirError('unauthorized', error.message);
    throw error;
  }
  throw new FhirError(
    'unauthorized',
    'Say who you are: send an access token as "Authorization: Bearer <token>". Where to get one ' +
      'stands in .well-known/smart-configuration.',
  );
}
