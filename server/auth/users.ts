import { DbError, loadSql } from '../db/db.ts';
import { type By, byKiln } from './audit.ts';
import { forgetTokens, revokeGrantsOf } from './grants.ts';
import { hashPassword } from './passwords.ts';
import { type Ending, endSessionsOf } from './sessions.ts';
import type { AuthService, User } from './types.ts';
import { type UserRow, userOf } from './user-row.ts';

/** A user as administrators and the sign-in see them. */
export interface Account {
  user: User;
  passwordHash: string | undefined;
  disabled: boolean;
  /** Where they sign in at the hospital's identity provider, and who they are there. */
  upstream: Upstream | undefined;
}

/** OpenID Connect: together they name one person for good; an e-mail address does not. */
export interface Upstream {
  issuer: string;
  subject: string;
}

const byId = loadSql(import.meta.url, 'user-by-id.sql');
const byLogin = loadSql(import.meta.url, 'user-by-login.sql');
const bySubject = loadSql(import.meta.url, 'user-by-subject.sql');
const all = loadSql(import.meta.url, 'user-list.sql');
const save = loadSql(import.meta.url, 'user-save.sql');
const password = loadSql(import.meta.url, 'user-password.sql');
const disable = loadSql(import.meta.url, 'user-disable.sql');
const enable = loadSql(import.meta.url, 'user-enable.sql');

/** A user who may act: undefined where there is none or they are disabled. */
export async function findUser(service: AuthService, id: string): Promise<User | undefined> {
  const account = await findAccount(service, id);
  return account?.disabled === false ? account.user : undefined;
}

export const findAccount = (service: AuthService, id: string): Promise<Account | undefined> =>
  one(service.db.steady<AccountRow>(byId, [id]));

/** @param login in any spelling */
export const findByLogin = (service: AuthService, login: string): Promise<Account | undefined> =>
  one(service.db.steady<AccountRow>(byLogin, [normalLogin(login)]));

export const findBySubject = (
  service: AuthService,
  { issuer, subject }: Upstream,
): Promise<Account | undefined> => one(service.db.steady<AccountRow>(bySubject, [issuer, subject]));

/** A page of accounts by id, from the first after `after` on. */
export async function listAccounts(
  service: AuthService,
  { after = '', count }: { after?: string; count: number },
): Promise<Account[]> {
  return (await service.db.steady<AccountRow>(all, [after, count])).map(accountOf);
}

/** How logins compare: one spelling each, whatever keyboard it was typed on. */
export const normalLogin = (text: string): string =>
  text.slice(0, 200).normalize('NFKC').trim().toLowerCase();

/**
 * Creates the user or replaces what is known of them, for all their tokens at once; `taken` where
 * their login or subject is another user's.
 *
 * @param link who they are at an identity provider (nobody, where `upstream` is undefined); without
 *   it that stays as it is
 */
export async function saveUser(
  service: AuthService,
  user: User,
  link?: { upstream: Upstream | undefined },
): Promise<'saved' | 'taken'> {
  const login = user.login === undefined ? null : normalLogin(user.login);
  const { id, name, fhirUser = null, roles, branches } = user;
  const { issuer = null, subject = null } = link?.upstream ?? {};
  const values = [id, login, name, fhirUser, roles, branches, issuer, subject, link !== undefined];
  try {
    await service.db.execute(save, values);
  } catch (error) {
    if (error instanceof DbError && error.kind === 'unique') return 'taken';
    throw error;
  }
  await forgetTokens(service);
  return 'saved';
}

/** Sets the password and ends the user's sessions, but for the one in which they do it themselves. */
export async function setPassword(
  service: AuthService,
  id: string,
  ...[text, session, ending]: [string, string?, Ending?]
): Promise<void> {
  await service.db.execute(password, [id, await hashPassword(text)]);
  await endSessionsOf(service, id, session, ending);
}

/** Ends all at once, in every process: sessions and grants, the offline ones too. */
export async function disableUser(
  service: AuthService,
  id: string,
  by: By = byKiln,
): Promise<void> {
  const cause = { by, why: 'the user was disabled' };
  // First, as from then on no session of theirs counts, whatever is under way.
  await service.db.execute(disable, [id, service.now() / 1000]);
  await endSessionsOf(service, id, undefined, cause);
  await revokeGrantsOf(service, { userId: id }, cause);
}

/** They may sign in again; nothing of before comes back to life. */
export async function enableUser(service: AuthService, id: string, by: By = byKiln): Promise<void> {
  const cause = { by, why: 'the user begins anew' };
  await endSessionsOf(service, id, undefined, cause);
  await revokeGrantsOf(service, { userId: id }, cause);
  await service.db.execute(enable, [id]);
}

type AccountRow = readonly [...UserRow, string | null, boolean, string | null, string | null];

function accountOf(row: AccountRow): Account {
  const [, , , , , , passwordHash, disabled, issuer, subject] = row;
  const upstream = issuer !== null && subject !== null ? { issuer, subject } : undefined;
  const [id, login, name, fhirUser, roles, branches] = row;
  const user = userOf([id, login, name, fhirUser, roles, branches]);
  return { user, passwordHash: passwordHash ?? undefined, disabled, upstream };
}

async function one(rows: Promise<AccountRow[]>): Promise<Account | undefined> {
  const [row] = await rows;
  return row && accountOf(row);
}
