import { byOf, note } from './audit.ts';
import { type Stage, type Visit, visit } from './authorize-stage.ts';
import { LIFETIME, LIMIT, REASON_LENGTH, reasonIn } from './break-glass.ts';
import { emergencyActor, mayBreakGlass, patientNamed } from './break-glass-patient.ts';
import { beginGlass, endGlass, type Glass } from './break-glass-store.ts';
import { checkPassword } from './check-password.ts';
import { type Form, queryOf } from './form.ts';
import { ownForm, pageRoute } from './interaction.ts';
import { allow } from './limits.ts';
import { type FieldError, type HonoContext, page } from './page.ts';
import { confirmForm, emergencyForm, proveFirst } from './pages/break-glass.ts';
import { passkeysOf } from './passkeys.ts';
import { patientChoice, visible } from './picker-search.ts';
import { signInPath } from './purpose.ts';
import { formTargets, noteStep, pathWith, resumePath } from './requests.ts';
import type { AuthRoute } from './route.ts';
import type { AuthService } from './types.ts';
import { findAccount } from './users.ts';

/**
 * Breaking the glass in a launch: a patient who is not in the list, by the exact number, for a reason,
 * by who proves again who they are. Name and date of birth are shown once that is written down.
 */

const FORM = '/auth/break-glass';
const CONFIRM = '/auth/break-glass/confirm';

export const routes: readonly AuthRoute[] = [
  pageRoute('GET', FORM, ask),
  pageRoute('POST', '/auth/break-glass/begin', begin),
  pageRoute('GET', CONFIRM, askToConfirm),
  pageRoute('POST', CONFIRM, confirm),
];

const PATIENT: readonly Stage[] = ['patient', 'encounter', 'consent'];
/** Seconds after signing in for which who has no password here need not do so again. */
const FRESH = 5 * 60;

/** The launch, where it may go on with a patient of an emergency. */
async function admitted(
  service: AuthService,
  context: HonoContext,
  form: Form,
): Promise<Visit | Response> {
  const at = await visit(service, context, form, PATIENT);
  if (at instanceof Response) return at;
  const { step, handle } = at.request;
  const isOfRecord = step.launched === true && step.context?.patient !== undefined;
  const may = !isOfRecord && (await mayBreakGlass(service, at.session.user));
  return may ? at : context.redirect(resumePath(handle), 303);
}

/** GET /auth/break-glass?handle= */
async function ask(service: AuthService, context: HonoContext): Promise<Response> {
  const at = await admitted(service, context, queryOf(context));
  return at instanceof Response ? at : show(service, context, at, {});
}

/** How the user proves again who they are: by the password here, or by having just signed in. */
async function proofOf(
  service: AuthService,
  { session }: Visit,
): Promise<'password' | 'signed in' | 'sign in'> {
  const { user, signedIn } = session;
  const account = await findAccount(service, user.id);
  const isAlone = (await passkeysOf(service, user.id)).length === 0;
  const byPassword = account?.passwordHash !== undefined && user.login !== undefined && isAlone;
  if (byPassword) return 'password';
  return signedIn >= service.now() - FRESH * 1000 ? 'signed in' : 'sign in';
}

/** POST /auth/break-glass/begin */
async function begin(service: AuthService, context: HonoContext): Promise<Response> {
  const form = await ownForm(service, context);
  const at = await admitted(service, context, form);
  if (at instanceof Response) return at;
  const { request, client, session } = at;
  const { user } = session;
  await allow(service, `break-glass:${user.id}`, LIMIT);
  const checked = await wishOf(service, context, at, form);
  if (Array.isArray(checked)) return show(service, context, at, { form, errors: checked });
  const by = byOf(service, context, { user, client, purpose: 'BTG' });
  const { reason } = checked;
  const patient = await patientNamed(service, user, checked.patient);
  if (!patient) {
    const text = 'emergency access to a patient that does not exist';
    await note(service, 'breakGlass', { by, outcome: 4, text, pairs: { reason } });
    return show(service, context, at, { form, errors: [noPatient] });
  }
  const glass = await beginGlass(service, {
    ...{ user, clientId: client.id, sessionId: session.id, patient: patient.id },
    ...{ reason, lifetime: LIFETIME, by },
  });
  await noteStep(service, request, { ...request.step, glass });
  return context.redirect(pathWith(CONFIRM, request.handle), 303);
}

const noPatient: FieldError = {
  field: 'patient',
  text: 'There is no patient with this number, or several. Check it to the letter.',
};

/** What the form says, or all that is wrong with it. */
async function wishOf(
  service: AuthService,
  context: HonoContext,
  ...[at, form]: [Visit, Form]
): Promise<{ patient: string; reason: string } | FieldError[]> {
  const patient = form.get('patient')?.trim().slice(0, 300) ?? '';
  const reason = reasonIn(form);
  const errors: FieldError[] = [];
  if (patient === '') errors.push({ field: 'patient', text: 'Enter the number of the patient.' });
  if (reason === undefined) {
    errors.push({ field: 'reason', text: `Say why, in ${REASON_LENGTH} characters.` });
  }
  const proof = await proofOf(service, at);
  if (proof === 'sign in') errors.push({ field: 'again', text: 'Sign in again first.' });
  // Last, so that no attempt is spent on a form that says too little.
  if (proof === 'password' && errors.length === 0 && !(await isOwner(service, context, at, form))) {
    errors.push({ field: 'password', text: 'This is not your password.' });
  }
  return reason === undefined || errors.length > 0 ? errors : { patient, reason };
}

async function isOwner(
  service: AuthService,
  context: HonoContext,
  ...[{ session }, form]: [Visit, Form]
): Promise<boolean> {
  const { login = '', id } = session.user;
  const password = form.get('password') ?? '';
  if (password === '') return false;
  return (await checkPassword(service, context, { login, password }))?.id === id;
}

async function show(
  service: AuthService,
  context: HonoContext,
  at: Visit,
  { form, errors = [] }: { form?: Form; errors?: readonly FieldError[] },
): Promise<Response> {
  const { request, client } = at;
  const { handle } = request;
  const proof = await proofOf(service, at);
  const shown = { handle, app: client.name, patient: form?.get('patient'), errors };
  return page(context, {
    title: 'Emergency access',
    body:
      proof === 'sign in'
        ? proveFirst(signInPath({ handle, again: 'yes' }))
        : emergencyForm({ ...shown, reason: form?.get('reason'), password: proof === 'password' }),
    formTargets: formTargets(request),
    ...(errors.length > 0 && { errors, status: 400 }),
  });
}

/** What was begun in this request and session and still goes on; else the way back. */
async function begun(
  service: AuthService,
  context: HonoContext,
  form: Form,
): Promise<(Visit & { glass: Glass }) | Response> {
  const at = await admitted(service, context, form);
  if (at instanceof Response) return at;
  const { glass } = at.request.step;
  const isOurs = glass?.sessionId === at.session.id && glass.until > service.now();
  return isOurs ? { ...at, glass } : context.redirect(pathWith(FORM, at.request.handle), 303);
}

/** GET /auth/break-glass/confirm?handle=: is this the one? */
async function askToConfirm(service: AuthService, context: HonoContext): Promise<Response> {
  const at = await begun(service, context, queryOf(context));
  if (at instanceof Response) return at;
  const { request, session, client, glass } = at;
  const { agent } = byOf(service, context, { user: session.user, client, grant: glass });
  const actor = await emergencyActor(service, session.user, glass.patient, agent);
  const patient = await visible(service, actor, { type: 'Patient', id: glass.patient });
  if (!patient) return context.redirect(pathWith(FORM, request.handle), 303);
  const { name } = patientChoice(patient);
  const born = typeof patient['birthDate'] === 'string' ? patient['birthDate'] : undefined;
  return page(context, {
    title: 'Is this the patient?',
    body: confirmForm({ handle: request.handle, app: client.name, name, born }),
    formTargets: formTargets(request),
  });
}

/** POST /auth/break-glass/confirm: the launch goes on with this patient, or back to the form. */
async function confirm(service: AuthService, context: HonoContext): Promise<Response> {
  const form = await ownForm(service, context);
  const at = await begun(service, context, form);
  if (at instanceof Response) return at;
  const { request, session, client, glass } = at;
  const { launched, context: before, glass: _, ...step } = request.step;
  if (form.get('answer') !== 'open') {
    const by = byOf(service, context, { user: session.user, client, grant: glass });
    await endGlass(service, glass.id, { by, why: 'it was another patient' });
    const kept = { ...step, ...(launched && { launched, context: before ?? {} }) };
    await noteStep(service, request, kept);
    return context.redirect(pathWith('/auth/pick-patient', request.handle), 303);
  }
  const known = launched ? before : {};
  const { patient, reason } = glass;
  await noteStep(service, request, {
    ...{ userId: session.user.id, glass, ...(launched && { launched }) },
    context: { ...known, patient, purpose: 'BTG', reason },
  });
  return context.redirect(resumePath(request.handle), 303);
}
