import { DbError } from '../db/db.ts';
import { type Form, formOf } from './form.ts';
import { errorPage } from './page.ts';
import type { AuthContext, AuthRoute } from './route.ts';
import { type AuthService, OAuthError } from './types.ts';

/** What all pages that take input share. */

/** A route for people: what its handler throws becomes a page instead of JSON. */
export function pageRoute(
  method: 'GET' | 'POST',
  path: string,
  handler: AuthRoute['handler'],
): AuthRoute {
  const answer: AuthRoute['handler'] = async (service, context) => {
    try {
      return await handler(service, context);
    } catch (error) {
      return explain(context, error);
    }
  };
  return { method, path, handler: answer };
}

function explain(context: AuthContext, error: unknown): Promise<Response> {
  if (error instanceof OAuthError) {
    const { status, message: text, retryAfter } = error;
    const seconds = retryAfter === undefined ? {} : { retryAfter: Math.ceil(retryAfter) };
    const title = status === 429 ? 'Please wait' : 'This cannot be done';
    return errorPage(context, { title, text, status, ...seconds });
  }
  if (error instanceof DbError && error.kind !== 'other') {
    const text = 'The database is away for a moment. Try again shortly.';
    return errorPage(context, { title: 'Please wait', text, status: 503, retryAfter: 1 });
  }
  throw error;
}

/** The form that one of our own pages sent. Throws OAuthError: 403 for forms of other sites. */
export async function ownForm(service: AuthService, context: AuthContext): Promise<Form> {
  if (!isOwnOrigin(service, context)) {
    const text = 'This form was not sent from a page of this server. Open the page again.';
    throw new OAuthError('access_denied', text, 403);
  }
  return formOf(context);
}

/**
 * Whether a page of this server made the browser send this (CSRF). All that the browser says about
 * it has to agree; where it says nothing, it is not.
 */
export function isOwnOrigin({ config }: AuthService, { env }: AuthContext): boolean {
  const { origin, referer, 'sec-fetch-site': site } = env.incoming.headers;
  if (site !== undefined && site !== 'same-origin') return false;
  if (origin !== undefined) return origin === config.origin;
  return referer !== undefined && URL.parse(referer)?.origin === config.origin;
}

/** A path on this server that a form or link names, with its query; undefined for anywhere else. */
export function ownPath({ config }: AuthService, text: string | undefined): string | undefined {
  // Browsers read a backslash as a slash and leave control characters out.
  if (text === undefined || !/^\/[\x21-\x5b\x5d-\x7e]*$/.test(text)) return undefined;
  const url = URL.parse(text, config.origin);
  // `/..//other.example` is a path here that as a Location would lead there.
  if (url?.origin !== config.origin || url.pathname.startsWith('//')) return undefined;
  return `${url.pathname}${url.search}`;
}
