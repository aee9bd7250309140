import type { Form } from './form.ts';
import { ownPath } from './interaction.ts';
import { type AuthRequest, requestOf, resumePath } from './requests.ts';
import type { AuthContext } from './route.ts';
import type { AuthService } from './types.ts';

/** What somebody signs in for, and how it goes along from page to page. */

/** Where somebody who signed in without a purpose ends up. */
const HOME = '/auth/account';

/** What signing in leads to: an authorization request (`handle`), or a page of ours (`next`). */
export interface Purpose {
  request: AuthRequest | undefined;
  next: string | undefined;
}

/** A purpose as forms, addresses and tables carry it. */
export interface Carried {
  handle?: string | undefined;
  next?: string | undefined;
  /** In an address: they have to prove anew who they are. */
  again?: 'yes';
}

/** Throws OAuthError where the request is over or another browser's. */
export async function purposeOf(
  service: AuthService,
  context: AuthContext,
  form: Form,
): Promise<Purpose> {
  const carried = { handle: form.get('handle'), next: form.get('next') };
  return purposeFrom(service, context, carried);
}

/** Throws as `purposeOf`. */
export async function purposeFrom(
  service: AuthService,
  context: AuthContext,
  { handle, next }: Carried,
): Promise<Purpose> {
  const request = handle === undefined ? undefined : await requestOf(service, context, handle);
  return { request, next: ownPath(service, next) };
}

export const carriedOf = ({ request, next }: Purpose): Carried => ({
  handle: request?.handle,
  next,
});

/** Where it goes on once they are signed in. */
export const pathAfter = ({ request, next }: Purpose): string =>
  request ? resumePath(request.handle) : (next ?? HOME);

/** The page to sign in at, for the same purpose. */
export const signInPath = (carried: Carried, path = '/auth/sign-in'): string => {
  const query = new URLSearchParams(pairsOf(carried)).toString();
  return query === '' ? path : `${path}?${query}`;
};

/** As fields of a form or of an address. */
export const pairsOf = ({ handle, next, again }: Carried): [string, string][] => [
  ...(handle === undefined ? [] : [['handle', handle] as [string, string]]),
  ...(next === undefined ? [] : [['next', next] as [string, string]]),
  ...(again === undefined ? [] : [['again', again] as [string, string]]),
];
