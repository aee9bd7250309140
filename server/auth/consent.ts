import { contextNeeds, grantCode } from './authorize-answer.ts';
import { refuseAccess, type Visit, visit } from './authorize-stage.ts';
import { agreedScope, offersOf } from './consent-scopes.ts';
import { type Form, queryOf } from './form.ts';
import { ownForm, pageRoute } from './interaction.ts';
import { type FieldError, type HonoContext, page } from './page.ts';
import { consentForm, TICKS } from './pages/consent.ts';
import { patientById } from './picker-search.ts';
import { formTargets, scopeOf } from './requests.ts';
import type { AuthRoute } from './route.ts';
import type { AuthService, LaunchContext } from './types.ts';

/** The page where the user decides what an app gets. */

async function askConsent(service: AuthService, context: HonoContext): Promise<Response> {
  const at = await visit(service, context, queryOf(context), ['consent']);
  return at instanceof Response ? at : show(service, context, at, {});
}

/** POST /auth/consent: gives one code at most, however often it is sent. */
async function consent(service: AuthService, context: HonoContext): Promise<Response> {
  const form = await ownForm(service, context);
  const at = await visit(service, context, form, ['consent']);
  if (at instanceof Response) return at;
  if (form.get('answer') === 'deny') return refuseAccess(service, context, at.request);
  const scope = agreedScope(scopeOf(at.request), form);
  const isAllowed = form.get('answer') === 'allow' && scope !== '';
  if (!isAllowed) return show(service, context, at, { form, errors: [nothing] });
  return grantCode(service, context, { ...at, scope });
}

const nothing: FieldError = {
  field: TICKS,
  text: 'Nothing is ticked. Tick what the app may do, or do not allow anything.',
};

async function show(
  service: AuthService,
  context: HonoContext,
  { request, client, session }: Visit,
  { form, errors = [] }: { form?: Form; errors?: readonly FieldError[] },
): Promise<Response> {
  const { params, step } = request;
  const { patient: id, purpose } = step.context ?? {};
  const scope = scopeOf(request);
  const offers = offersOf(scope);
  const isTop = (field: string): boolean => !/^scope-\d+-\d+$/.test(field);
  return page(context, {
    title: `Allow ${client.name}?`,
    body: consentForm({
      handle: request.handle,
      app: { name: client.name, host: new URL(params.redirectUri).host || client.name },
      user: session.user.name,
      patient: id === undefined ? undefined : await nameOf(service, session, { id, purpose }),
      mayChange: step.launched !== true && contextNeeds(scope).patient,
      isEmergency: purpose === 'BTG',
      ...{ offers, errors, ticked: (field) => form?.has(field) ?? isTop(field) },
    }),
    formTargets: formTargets(request),
    ...(errors.length > 0 && { errors, status: 400 }),
  });
}

interface Shown {
  id: string;
  purpose: LaunchContext['purpose'];
}

/** A patient that the record named but the user may not see is told by nothing but that. */
const nameOf = async (
  service: AuthService,
  ...[session, shown]: [Visit['session'], Shown]
): Promise<{ name: string; details: string }> =>
  (await patientById(service, session, shown.id, shown.purpose)) ?? {
    name: 'as open in the record',
    details: '',
  };

export const routes: readonly AuthRoute[] = [
  pageRoute('GET', '/auth/consent', askConsent),
  pageRoute('POST', '/auth/consent', consent),
];
