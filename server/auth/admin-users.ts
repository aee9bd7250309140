import { loadSql } from '../db/db.ts';
import { ADMIN, requireAdmin } from './admin.ts';
import { type By, changesBetween, note } from './audit.ts';
import { queryOf } from './form.ts';
import { jsonOf } from './json-body.ts';
import { invitationLink } from './links.ts';
import { type AuthContext, type AuthRoute, answerJson } from './route.ts';
import { endSessionsOf } from './sessions.ts';
import type { AuthService } from './types.ts';
import { fault, printUser, readUser, type UserFields } from './user-fields.ts';
import {
  type Account,
  disableUser,
  enableUser,
  findAccount,
  listAccounts,
  saveUser,
} from './users.ts';

/** The users as administrators see and change them; errors are JSON as those of OAuth. */

const OTHER_ADMINS = loadSql(import.meta.url, 'user-other-admins.sql');
const UNKNOWN_ROLES = loadSql(import.meta.url, 'user-unknown-roles.sql');

const PAGE = 100;
const LARGEST_PAGE = 1000;

/** GET /admin/users?after=<id>&count=: a page by id; `next` is the `after` of the one to come. */
async function list(service: AuthService, context: AuthContext): Promise<Response> {
  await requireAdmin(service, context);
  const query = queryOf(context);
  const count = Number(query.get('count') ?? PAGE);
  if (!Number.isInteger(count) || count < 1 || count > LARGEST_PAGE) {
    throw fault(`count is not a number from 1 to ${LARGEST_PAGE}.`);
  }
  const found = await listAccounts(service, { after: query.get('after') ?? '', count: count + 1 });
  const shown = found.slice(0, count);
  const next = found.length > count ? shown.at(-1)?.user.id : undefined;
  return answerJson({ users: shown.map(printUser), ...(next !== undefined && { next }) });
}

/** GET /admin/users/:id */
async function get(service: AuthService, context: AuthContext): Promise<Response> {
  await requireAdmin(service, context);
  const account = await findAccount(service, idOf(context));
  return account ? answerJson(printUser(account)) : unknown();
}

/**
 * POST /admin/users: a new user. They choose their password themselves: `invitation` in the answer is
 * the link to it, shown this once.
 */
async function create(service: AuthService, context: AuthContext): Promise<Response> {
  const { by } = await requireAdmin(service, context);
  const fields = await fieldsOf(service, context);
  const id = crypto.randomUUID();
  if ((await store(service, id, fields)) === 'taken') return taken();
  if (!fields.active) await disableUser(service, id, by);
  const account = await findAccount(service, id);
  if (account) await noteUser(service, by, { now: account });
  const invited = fields.user.login !== undefined && (await invitationLink(service, id));
  const body = { ...(account && printUser(account)), ...(invited && { invitation: invited }) };
  const headers = { Location: `${service.config.origin}/admin/users/${id}` };
  return answerJson(body, { status: 201, headers });
}

/** PUT /admin/users/:id: all that is known of the user; what is left out goes. */
async function put(service: AuthService, context: AuthContext): Promise<Response> {
  const { by } = await requireAdmin(service, context);
  const old = await findAccount(service, idOf(context));
  if (!old) return unknown();
  const fields = await fieldsOf(service, context);
  const stays = fields.active && fields.user.roles.includes(ADMIN);
  if (!stays && (await isLastAdmin(service, old))) return last();
  if ((await store(service, old.user.id, fields)) === 'taken') return taken();
  if (!fields.active && !old.disabled) await disableUser(service, old.user.id, by);
  if (fields.active && old.disabled) await enableUser(service, old.user.id, by);
  const account = await findAccount(service, old.user.id);
  if (account) await noteUser(service, by, { old, now: account });
  return account ? answerJson(printUser(account)) : unknown();
}

async function noteUser(
  service: AuthService,
  by: By,
  { old, now }: { old?: Account; now: Account },
): Promise<void> {
  const changes = changesBetween(old && printUser(old), printUser(now));
  const text = old ? 'user changed' : 'user created';
  const pairs = { user: now.user.id, ...changes, id: undefined };
  await note(service, 'administration', { by, text, pairs });
}

/** DELETE /admin/users/:id disables the user and ends all they had; what they did stays traceable. */
async function disable(service: AuthService, context: AuthContext): Promise<Response> {
  const { by } = await requireAdmin(service, context);
  const account = await findAccount(service, idOf(context));
  if (!account) return unknown();
  if (await isLastAdmin(service, account)) return last();
  const { id } = account.user;
  await disableUser(service, id, by);
  await note(service, 'administration', { by, text: 'user disabled', pairs: { user: id } });
  return done();
}

/** POST /admin/users/:id/invitation: a link to choose a (new) password with, shown this once. */
async function invite(service: AuthService, context: AuthContext): Promise<Response> {
  const { by } = await requireAdmin(service, context);
  const account = await findAccount(service, idOf(context));
  if (!account) return unknown();
  const { id, login } = account.user;
  if (login === undefined) throw fault('The user has no login, so a password would be of no use.');
  const invitation = await invitationLink(service, id);
  if (invitation === undefined) throw fault('The user is disabled.');
  const text = 'user given a link to choose a password';
  await note(service, 'administration', { by, text, pairs: { user: id } });
  return answerJson({ invitation });
}

/** POST /admin/users/:id/sign-out: in all browsers, and online access with it. */
async function signOut(service: AuthService, context: AuthContext): Promise<Response> {
  const { by } = await requireAdmin(service, context);
  if (!(await findAccount(service, idOf(context)))) return unknown();
  const ending = { by, why: 'signed out by an administrator' };
  await endSessionsOf(service, idOf(context), undefined, ending);
  return done();
}

async function fieldsOf(service: AuthService, context: AuthContext): Promise<UserFields> {
  const fields = readUser(await jsonOf(context));
  const { roles } = fields.user;
  const [strange] = await service.db.steady<[string]>(UNKNOWN_ROLES, [roles]);
  if (strange)
    throw fault(
      `There is no role ${/^[\w .-]{1,60}$/.test(strange[0]) ? strange[0] : 'of that name'}.`,
    );
  return fields;
}

const store = (
  service: AuthService,
  id: string,
  { user, upstream }: UserFields,
): Promise<'saved' | 'taken'> => saveUser(service, { ...user, id }, { upstream });

/** Whether nobody could administrate any more without this one. */
async function isLastAdmin(service: AuthService, { user, disabled }: Account): Promise<boolean> {
  if (disabled || !user.roles.includes(ADMIN)) return false;
  return (await service.db.steady(OTHER_ADMINS, [user.id])).length === 0;
}

const idOf = (context: AuthContext): string => context.req.param('id') ?? '';

const done = (): Response =>
  new Response(null, { status: 204, headers: { 'Cache-Control': 'no-store' } });

const refusal = (status: number, error: string, text: string): Response =>
  answerJson({ error, error_description: text }, { status });

const unknown = (): Response => refusal(404, 'not_found', 'There is no user with this id.');
const taken = (): Response =>
  refusal(
    409,
    'conflict',
    'Another user has this login, or this subject at the identity provider.',
  );
const last = (): Response =>
  refusal(409, 'conflict', 'Nobody could administrate any more: make another user Admin first.');

export const routes: readonly AuthRoute[] = [
  { method: 'GET', path: '/admin/users', handler: list },
  { method: 'POST', path: '/admin/users', handler: create },
  { method: 'GET', path: '/admin/users/:id', handler: get },
  { method: 'PUT', path: '/admin/users/:id', handler: put },
  { method: 'DELETE', path: '/admin/users/:id', handler: disable },
  { method: 'POST', path: '/admin/users/:id/invitation', handler: invite },
  { method: 'POST', path: '/admin/users/:id/sign-out', handler: signOut },
];
