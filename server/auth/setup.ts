import { DbError, loadSql } from '../db/db.ts';
import { addressOf } from './address.ts';
import { byOf, note, noteSoon } from './audit.ts';
import { chosenPassword } from './choose-password.ts';
import { type Form, queryOf } from './form.ts';
import { ownForm, pageRoute } from './interaction.ts';
import { allow } from './limits.ts';
import { type Link, peekLink } from './links.ts';
import { errorPage, type FieldError, page } from './page.ts';
import { setupForm } from './pages/setup.ts';
import { hashPassword } from './passwords.ts';
import type { AuthContext, AuthRoute } from './route.ts';
import { afterPassword } from './second-factor.ts';
import { hashOf } from './secrets.ts';
import { endSessionsOf } from './sessions.ts';
import type { AuthService } from './types.ts';
import { findUser, normalLogin } from './users.ts';

const ADMIN = loadSql(import.meta.url, 'setup-admin.sql');
const INVITED = loadSql(import.meta.url, 'setup-invited.sql');

export const routes: readonly AuthRoute[] = [
  pageRoute('GET', '/auth/setup', askForPassword),
  pageRoute('POST', '/auth/setup', setUp),
];

const perAddress = { most: 20, per: 60 };

/** GET /auth/setup?token=: looks at the link without using it, as mail scanners do. */
async function askForPassword(service: AuthService, context: AuthContext): Promise<Response> {
  const found = await linkOf(service, context, queryOf(context));
  return found ? show(context, found, { form: new Map(), errors: [] }) : dead(context);
}

/** POST /auth/setup: uses the link, once, and signs its owner in. */
async function setUp(service: AuthService, context: AuthContext): Promise<Response> {
  const form = await ownForm(service, context);
  const found = await linkOf(service, context, form);
  if (!found) return refused(service, context);
  const chosen = await chosenOf(service, found, form);
  if (Array.isArray(chosen)) return show(context, found, { form, errors: chosen });
  const done = await (found.userId === undefined ? makeAdmin : setInvited)(service, found, chosen);
  if (done === 'taken') return show(context, found, { form, errors: [taken] });
  const user = done === undefined ? undefined : await findUser(service, done.id);
  if (!user) return refused(service, context);
  service.log.info({ part: 'auth', reason: found.purpose }, 'a one-time link was used');
  const by = byOf(service, context, { user });
  if (found.userId === undefined) {
    const pairs = { user: user.id, roles: user.roles.join(' ') };
    await note(service, 'administration', { by, text: 'first administrator created', pairs });
  }
  const text = 'password set with a one-time link';
  await note(service, 'password', { by, text, pairs: { user: user.id } });
  await endSessionsOf(service, user.id, undefined, { by, why: text });
  return afterPassword(service, context, user, { request: undefined, next: undefined });
}

interface FoundLink extends Link {
  token: string;
}

async function linkOf(
  service: AuthService,
  context: AuthContext,
  form: Form,
): Promise<FoundLink | undefined> {
  await allow(service, `setup@${addressOf(service, context)}`, perAddress);
  const token = form.get('token');
  const link = token === undefined ? undefined : await peekLink(service, token);
  return link && token !== undefined ? { ...link, token } : undefined;
}

interface Chosen {
  login: string;
  name: string;
  password: string;
}

/** What the form says, or all that is wrong with it. The link is not used by mistakes. */
async function chosenOf(
  service: AuthService,
  { userId }: FoundLink,
  form: Form,
): Promise<Chosen | FieldError[]> {
  const invited = userId === undefined ? undefined : await findUser(service, userId);
  const login = normalLogin(invited?.login ?? form.get('login') ?? '');
  const name = (invited?.name ?? form.get('name') ?? '').trim().slice(0, 200);
  const password = chosenPassword(form, [login, name]);
  const errors: FieldError[] = [];
  if (!invited && !LOGIN.test(login)) errors.push(badLogin);
  if (!invited && name === '') errors.push({ field: 'name', text: 'Enter your name.' });
  if (typeof password !== 'string') return [...errors, password];
  return errors.length > 0 ? errors : { login, name, password };
}

/** Also what the admin API takes. */
export const LOGIN = /^[^\s\p{Cc}]{2,100}$/u;

const badLogin: FieldError = {
  field: 'login',
  text: 'Enter a user name of 2 to 100 characters, without spaces.',
};
const taken: FieldError = {
  field: 'login',
  text: 'Another user has this user name. Choose a different one.',
};

/** The new user's id; undefined where the link has been used meanwhile. */
async function makeAdmin(
  service: AuthService,
  { token }: FoundLink,
  { login, name, password }: Chosen,
): Promise<{ id: string } | 'taken' | undefined> {
  const id = crypto.randomUUID();
  const secret = await hashPassword(password);
  const values = [hashOf(token), service.now() / 1000, id, login, name, secret];
  try {
    return await used(service.db.tuples<[string]>(ADMIN, values));
  } catch (error) {
    if (error instanceof DbError && error.kind === 'unique') return 'taken';
    throw error;
  }
}

async function setInvited(
  service: AuthService,
  { token }: FoundLink,
  { password }: Chosen,
): Promise<{ id: string } | undefined> {
  const values = [hashOf(token), service.now() / 1000, await hashPassword(password)];
  return used(service.db.tuples<[string]>(INVITED, values));
}

async function used(rows: Promise<[string][]>): Promise<{ id: string } | undefined> {
  const [row] = await rows;
  return row && { id: row[0] };
}

function show(
  context: AuthContext,
  { token, userId }: FoundLink,
  { form, errors }: { form: Form; errors: readonly FieldError[] },
): Promise<Response> {
  const own =
    userId === undefined ? { login: form.get('login'), name: form.get('name') } : undefined;
  return page(context, {
    title: own ? 'Set up Kiln' : 'Choose your password',
    status: errors.length > 0 ? 400 : 200,
    body: setupForm({ token, own, errors }),
    errors,
  });
}

function refused(service: AuthService, context: AuthContext): Promise<Response> {
  const text = 'a one-time link was used before, is too old or none';
  noteSoon(service, 'login', { by: byOf(service, context), outcome: 4, text });
  return dead(context);
}

const dead = (context: AuthContext): Promise<Response> =>
  errorPage(context, {
    title: 'This link does not work',
    text:
      'It was used already, is too old, or another one took its place. For another: start Kiln ' +
      'again while there is no administrator yet, otherwise ask an administrator.',
    status: 404,
  });
