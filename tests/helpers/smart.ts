import { createHash } from 'node:crypto';
import type { AuthRoute } from '../../server/auth/route.ts';
import { beginSession } from '../../server/auth/sessions.ts';
import { findUser } from '../../server/auth/users.ts';
import { CALLBACK, type TestAuth, VERIFIER } from './auth.ts';
import type { Browser, Visit } from './browser.ts';

/** Signs in without the page for it: GET /test/sign-in?user=id */
export const signInProbe: AuthRoute = {
  method: 'GET',
  path: '/test/sign-in',
  handler: async (service, context) => {
    const user = await findUser(service, context.req.query('user') ?? '');
    if (!user) return context.text('nobody', 404);
    const session = await beginSession(service, context, user, ['pwd']);
    return context.text(session.id);
  },
};

/** The id of the session. */
export const signInAs = async (browser: Browser, user: string): Promise<string> =>
  (await browser.get(`/test/sign-in?user=${user}`)).text;

export const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url');

/** Parameters of an authorization request that is in order; `undefined` leaves one out. */
export function parametersOf(
  service: TestAuth,
  changes: Record<string, string | undefined> = {},
): Record<string, string> {
  const all: Record<string, string | undefined> = {
    ...{ response_type: 'code', client_id: 'app', redirect_uri: CALLBACK, state: 's' },
    ...{ scope: 'launch/patient patient/*.rs', aud: service.config.base },
    ...{ code_challenge: CHALLENGE, code_challenge_method: 'S256' },
    ...changes,
  };
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/** GET authorize. */
export const authorize = (
  service: TestAuth,
  browser: Browser,
  changes: Record<string, string | undefined> = {},
): Promise<Visit> =>
  browser.get(`/auth/authorize?${new URLSearchParams(parametersOf(service, changes))}`);

/** What came back to the app, or `undefined` where the browser was not sent there. */
export function cameBack({ to }: Pick<Visit, 'to'>): Record<string, string> | undefined {
  if (!to?.startsWith(CALLBACK)) return undefined;
  return Object.fromEntries(new URL(to).searchParams);
}
