import { byOf, note } from './audit.ts';
import { findClient, listClients } from './clients.ts';
import { preflight } from './cors.ts';
import type { Form } from './form.ts';
import { ownForm, pageRoute } from './interaction.ts';
import { createLaunch, launchUrl } from './launch.ts';
import { launchByApi } from './launch-api.ts';
import { type FieldError, type HonoContext, page } from './page.ts';
import { LAUNCH, launchApps, launchPatients } from './pages/launch.ts';
import { findEncounters, findPatients, patientById } from './picker-search.ts';
import { sourceOf } from './requests.ts';
import type { AuthRoute } from './route.ts';
import { sessionOf } from './sessions.ts';
import type { AuthService, Client, Session } from './types.ts';

/** Starting an app from a record (SMART App Launch 2.2, "Launch App: EHR Launch"). */

/** GET /auth/launch: pick the record and the app. */
async function askLaunch(service: AuthService, context: HonoContext): Promise<Response> {
  const session = await sessionOf(service, context);
  if (!session) return context.redirect('/auth/sign-in?next=/auth/launch', 303);
  return showPatients(service, context, session, {});
}

/**
 * POST /auth/launch: `patient`, and with `client_id` the browser goes on to the app. `encounter` of
 * that patient, `launch_uri` where the app has several, and `intent` may be given.
 */
async function launchHere(service: AuthService, context: HonoContext): Promise<Response> {
  const form = await ownForm(service, context);
  const session = await sessionOf(service, context);
  if (!session) return context.redirect('/auth/sign-in?next=/auth/launch', 303);
  const id = form.get('patient');
  const patient = id === undefined ? undefined : await patientById(service, session, id);
  if (!patient) {
    const errors = id === undefined ? [] : [noPatient];
    return showPatients(service, context, session, { text: form.get('q'), errors });
  }
  const client = await findClient(service, form.get('client_id') ?? '');
  if (client) {
    const url = await start({ service, context, session }, client, form);
    if (url !== undefined) return context.redirect(url, 303);
  }
  const encounters = await findEncounters(service, session, { patient: patient.id });
  const apps = await startable(service);
  return page(context, {
    title: 'Start an app',
    body: launchApps({ patient, apps, encounters: encounters.choices }),
    formTargets: targetsOf(apps),
    ...(form.has('client_id') && { errors: [noApp], status: 400 }),
  });
}

const noPatient: FieldError = { field: 'q', text: 'There is no such patient. Search again.' };
const noApp: FieldError = {
  field: LAUNCH,
  text: 'This app cannot be started with this visit from here. Pick from the lists.',
};

interface Starting {
  service: AuthService;
  context: HonoContext;
  session: Session;
}

/** The URL to go to; undefined where the app or the encounter does not fit. */
async function start(
  { service, context, session }: Starting,
  client: Client,
  form: Form,
): Promise<string | undefined> {
  const [patient = '', id] = [form.get('patient'), form.get('encounter')];
  if (id !== undefined) {
    const { choices } = await findEncounters(service, session, { patient, id });
    if (choices.length === 0) return undefined;
  }
  if (launchUrl(service, client, '', form.get('launch_uri')) === undefined) return undefined;
  const intent = form.get('intent');
  const made = await createLaunch(service, {
    ...{ clientId: client.id, sessionId: session.id },
    context: { patient, ...(id && { encounter: id }), ...(intent && { intent }) },
  });
  const by = byOf(service, context, { user: session.user, client });
  await note(service, 'launch', {
    ...{ by, text: 'an app was started from a record', patient },
    pairs: { client: client.id, encounter: id, intent },
  });
  return launchUrl(service, client, made, form.get('launch_uri'));
}

/** Apps that can be started from a record. */
async function startable(service: AuthService): Promise<Client[]> {
  const records = await listClients(service);
  return records
    .filter(({ client, disabledAt }) => disabledAt === undefined && client.launchUris.length > 0)
    .map(({ client }) => client);
}

/** CSP holds for the redirect that follows the form. */
const targetsOf = (apps: readonly Client[]): string[] => [
  ...new Set(apps.flatMap(({ launchUris }) => launchUris.map(sourceOf))),
];

async function showPatients(
  service: AuthService,
  context: HonoContext,
  session: Session,
  { text = '', errors = [] }: { text?: string | undefined; errors?: readonly FieldError[] },
): Promise<Response> {
  const found = await findPatients(service, session, text);
  return page(context, {
    title: 'Start an app',
    body: launchPatients({ text, found, errors }),
    ...(errors.length > 0 && { errors, status: 400 }),
  });
}

const byPage = pageRoute('POST', '/auth/launch', launchHere);

/** POST /auth/launch: a form of the page, or JSON from another EHR. */
const launch: AuthRoute['handler'] = (service, context) => {
  const type = context.env.incoming.headers['content-type'] ?? '';
  const isJson = /^application\/json\b/i.test(type.trim());
  return isJson ? launchByApi(service, context) : byPage.handler(service, context);
};

export const routes: readonly AuthRoute[] = [
  pageRoute('GET', '/auth/launch', askLaunch),
  { method: 'POST', path: '/auth/launch', handler: launch, origins: 'clients' },
  { method: 'OPTIONS', path: '/auth/launch', handler: preflight, origins: 'clients' },
];
