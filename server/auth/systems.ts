import { type Visit as AccountVisit, isFresh } from './account-visit.ts';
import { noteClient } from './admin-clients.ts';
import { type By, byOf, note } from './audit.ts';
import { createClient } from './client-change.ts';
import { readMetadata } from './client-metadata.ts';
import { hashClientSecret } from './client-secret.ts';
import {
  clientRecord,
  disableClient,
  enableClient,
  listClients,
  setClientSecret,
} from './clients.ts';
import { type Form, queryOf } from './form.ts';
import { newHandle, useHandle } from './form-handle.ts';
import { ownForm, pageRoute } from './interaction.ts';
import { errorPage, type FieldError, page } from './page.ts';
import { clientPage, clientsPage, secretPage } from './pages/systems.ts';
import { newClientForm } from './pages/systems-new.ts';
import { signInPath } from './purpose.ts';
import { rolesOf } from './role-store.ts';
import { ADMIN } from './roles.ts';
import type { AuthContext, AuthRoute } from './route.ts';
import { newSecret } from './secrets.ts';
import { sessionOf } from './sessions.ts';
import { fieldError, idFrom, type Kind, metadataOf, ROLE } from './systems-fields.ts';
import { type AuthService, type Client, OAuthError } from './types.ts';

/** Pages on which administrators register systems and apps, without any client to do it with. */

const HOME = '/auth/systems';
const NEW = '/auth/systems/new';
const ONE = '/auth/systems/client';

type Visit = AccountVisit & { form: Form };
type Act = (visit: Visit) => Promise<Response>;

/** For administrators who are signed in; `fresh`: a short while ago, as it is about secrets. */
function forAdmins(act: Act, { fresh = false } = {}): AuthRoute['handler'] {
  return async (service, context) => {
    const isForm = context.req.method === 'POST';
    const form = isForm ? await ownForm(service, context) : queryOf(context);
    const session = await sessionOf(service, context);
    const next = pathWith(context, form);
    if (!session) return context.redirect(signInPath({ next }), 303);
    if (!session.user.roles.includes(ADMIN)) return noAdmin(context);
    if (fresh && !(await isFresh({ service, context, session }))) {
      return context.redirect(signInPath({ next, again: 'yes' }), 303);
    }
    return act({ service, context, session, form });
  };
}

/** Longer addresses than this do not come through everywhere. */
const LONGEST = 4000;

/** The page with what was filled in, so that signing in first loses nothing. */
function pathWith(context: AuthContext, form: Form): string {
  const pathname = context.req.path;
  const kept = [...form].filter(([name]) => name !== 'handle' && name !== 'do');
  const path = `${pathname}?${new URLSearchParams(kept)}`;
  return path.length > LONGEST ? pathname : path.replace(/\?$/, '');
}

const noAdmin = (context: AuthContext): Promise<Response> =>
  errorPage(context, {
    title: 'For administrators',
    text: `This page is for people with the role ${ADMIN}. Sign in as one of them.`,
    status: 403,
  });

/** GET /auth/systems */
async function list({ service, context }: Visit): Promise<Response> {
  return page(context, {
    title: 'Systems and apps',
    body: clientsPage(await listClients(service)),
  });
}

const kindOf = (form: Form): Kind => (form.get('kind') === 'app' ? 'app' : 'system');

/** GET /auth/systems/new?kind=; what stands in the query is filled in already. */
async function ask(visit: Visit): Promise<Response> {
  return showForm(visit, []);
}

async function showForm(
  { service, context, form }: Visit,
  errors: readonly FieldError[],
): Promise<Response> {
  const kind = kindOf(form);
  const { byName } = await rolesOf(service);
  const roles = [...byName.values()].map(({ name, title }) => ({ name, title }));
  const handle = newHandle(service, context);
  return page(context, {
    title: kind === 'app' ? 'Register an app' : 'New system',
    status: errors.length > 0 ? 400 : 200,
    body: newClientForm({ kind, form, roles, handle, errors }),
    errors,
  });
}

/** POST /auth/systems/new */
async function create(visit: Visit): Promise<Response> {
  const { service, context, form } = visit;
  const client = await clientOf(visit);
  if (Array.isArray(client)) return showForm(visit, client);
  await useHandle(service, context, form.get('handle'));
  const shown = await createClient(service, client);
  await noteClient(service, byVisitor(visit), { id: client.id, old: undefined });
  return showSecret(visit, client, shown['client_secret']);
}

/** What the form describes, or all that is wrong with it. */
async function clientOf({ service, form }: Visit): Promise<Client | FieldError[]> {
  const metadata = metadataOf(kindOf(form), form);
  const errors: FieldError[] = [];
  if (metadata['client_name'] === '') errors.push({ field: 'name', text: 'Enter a name.' });
  const id = await idOf(service, form, String(metadata['client_name']));
  if (typeof id !== 'string') errors.push(id);
  const { byName } = await rolesOf(service);
  const roles = [...form.keys()].filter((name) => name.startsWith(ROLE));
  if (roles.some((name) => !byName.has(name.slice(ROLE.length)))) {
    errors.push({ field: 'roles', text: 'One of these roles is no longer there.' });
  }
  try {
    const { fetchAllow } = service.config;
    const name = metadata['client_name'] || 'without a name';
    const reading = { id: typeof id === 'string' ? id : 'new', byAdmin: true, fetchAllow };
    const client = await readMetadata({ ...metadata, client_name: name }, reading);
    return errors.length > 0 ? errors : client;
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    return [...errors, fieldError(error)];
  }
}

const ID = /^[\w.-]{1,64}$/;

/** The id that was entered, or one made from the name. */
async function idOf(service: AuthService, form: Form, name: string): Promise<string | FieldError> {
  const entered = form.get('id')?.trim() ?? '';
  if (entered !== '' && !ID.test(entered)) {
    const text = 'Enter 1 to 64 letters, digits, points, dashes and underscores, or nothing.';
    return { field: 'id', text };
  }
  const wanted = entered || idFrom(name) || 'client';
  if (!(await clientRecord(service, wanted))) return wanted;
  if (entered !== '')
    return { field: 'id', text: 'There is a system or app with this id already.' };
  return `${wanted}-${newSecret()
    .replace(/[^a-z0-9]/gi, '')
    .slice(0, 6)
    .toLowerCase()}`;
}

function showSecret(
  { service, context }: Visit,
  client: Client,
  secret: unknown,
): Promise<Response> {
  const { origin, base } = service.config;
  return page(context, {
    title: `${client.name} is registered`,
    body: secretPage({
      client,
      origin,
      base,
      secret: secret === undefined ? undefined : `${secret}`,
    }),
  });
}

/** GET /auth/systems/client?id= */
async function showOne({ service, context, form }: Visit): Promise<Response> {
  const record = await clientRecord(service, form.get('id') ?? '');
  if (!record) return unknown(context);
  const { zone } = service.config;
  const handle = newHandle(service, context);
  return page(context, { title: record.client.name, body: clientPage({ record, zone, handle }) });
}

const unknown = (context: AuthContext): Promise<Response> =>
  errorPage(context, {
    title: 'Not found',
    text: 'There is no system or app with this id.',
    status: 404,
  });

/** POST /auth/systems/client: `do` is disable, enable or secret. */
async function change(visit: Visit): Promise<Response> {
  const { service, context, form } = visit;
  const id = form.get('id') ?? '';
  const record = await clientRecord(service, id);
  if (!record) return unknown(context);
  await useHandle(service, context, form.get('handle'));
  const by = byVisitor(visit);
  const what = form.get('do');
  if (what === 'secret') return giveSecret(visit, record.client);
  if (what === 'disable' && (await disableClient(service, id, by))) {
    await note(service, 'administration', { by, text: 'client disabled', pairs: { client: id } });
  }
  if (what === 'enable' && (await enableClient(service, id))) {
    await noteClient(service, by, { id, old: record });
  }
  return context.redirect(`${ONE}?${new URLSearchParams({ id })}`, 303);
}

async function giveSecret(visit: Visit, client: Client): Promise<Response> {
  const { service, context } = visit;
  const made = newSecret();
  if (!(await setClientSecret(service, client.id, hashClientSecret(made)))) return unknown(context);
  await note(service, 'administration', {
    ...{ by: byVisitor(visit), text: 'client given another secret', pairs: { client: client.id } },
  });
  return showSecret(visit, client, made);
}

const byVisitor = ({ service, context, session }: Visit): By =>
  byOf(service, context, { user: session.user });

export const routes: readonly AuthRoute[] = [
  pageRoute('GET', HOME, forAdmins(list)),
  pageRoute('GET', NEW, forAdmins(ask, { fresh: true })),
  pageRoute('POST', NEW, forAdmins(create, { fresh: true })),
  pageRoute('GET', ONE, forAdmins(showOne)),
  pageRoute('POST', ONE, forAdmins(change, { fresh: true })),
];
