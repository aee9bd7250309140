import { refuseAccess, type Stage, type Visit, visit } from './authorize-stage.ts';
import { mayBreakGlass } from './break-glass-patient.ts';
import { queryOf } from './form.ts';
import { ownForm, pageRoute } from './interaction.ts';
import { type FieldError, type HonoContext, page } from './page.ts';
import { pickEncounterForm, pickPatientForms } from './pages/pick.ts';
import { findEncounters, findPatients, patientById } from './picker-search.ts';
import { type AuthRequest, formTargets, noteStep, resumePath } from './requests.ts';
import type { AuthRoute } from './route.ts';
import type { AuthService } from './types.ts';

/** The pickers of patient and encounter (SMART App Launch 2.2, "launch/patient"). */

/** Another patient may be picked until the end, but where the record chose it. */
const PATIENT: readonly Stage[] = ['patient', 'encounter', 'consent'];

async function askPatient(service: AuthService, context: HonoContext): Promise<Response> {
  const at = await visit(service, context, queryOf(context), PATIENT);
  if (at instanceof Response) return at;
  if (isOfRecord(at.request)) return context.redirect(resumePath(at.request.handle), 303);
  return showPatients(service, context, at, {});
}

async function pickPatient(service: AuthService, context: HonoContext): Promise<Response> {
  const form = await ownForm(service, context);
  const at = await visit(service, context, form, PATIENT);
  if (at instanceof Response) return at;
  const { request, session } = at;
  if (form.has('cancel')) return refuseAccess(service, context, request);
  const id = form.get('patient');
  if (id === undefined) return showPatients(service, context, at, { text: form.get('q') });
  if (!isOfRecord(request)) {
    const patient = await patientById(service, session, id);
    if (!patient) return showPatients(service, context, at, { errors: [gone] });
    const { launched } = request.step;
    const known = launched ? request.step.context : {};
    await noteStep(service, request, {
      ...{ userId: session.user.id, context: { ...known, patient: patient.id } },
      ...(launched && { launched }),
    });
  }
  return context.redirect(resumePath(request.handle), 303);
}

/** The record had this patient open when the app was started from it. */
const isOfRecord = ({ step }: AuthRequest): boolean =>
  step.launched === true && step.context?.patient !== undefined;

const gone: FieldError = { field: 'q', text: 'There is no such patient. Pick one from the list.' };

async function showPatients(
  service: AuthService,
  context: HonoContext,
  { request, client, session }: Visit,
  { text = '', errors = [] }: { text?: string | undefined; errors?: readonly FieldError[] },
): Promise<Response> {
  const found = await findPatients(service, session, text);
  const emergency = await mayBreakGlass(service, session.user);
  return page(context, {
    title: 'Pick a patient',
    body: pickPatientForms({ handle: request.handle, app: client.name, text, found, emergency }),
    formTargets: formTargets(request),
    ...(errors.length > 0 && { errors, status: 400 }),
  });
}

async function askEncounter(service: AuthService, context: HonoContext): Promise<Response> {
  const at = await visit(service, context, queryOf(context), ['encounter']);
  return at instanceof Response ? at : showEncounters(service, context, at);
}

async function pickEncounter(service: AuthService, context: HonoContext): Promise<Response> {
  const form = await ownForm(service, context);
  const at = await visit(service, context, form, ['encounter']);
  if (at instanceof Response) return at;
  const { request, session } = at;
  if (form.has('cancel')) return refuseAccess(service, context, request);
  const { step } = request;
  const { patient = '', purpose } = step.context ?? {};
  const id = form.get('encounter');
  if (form.has('none')) {
    await noteStep(service, request, { ...step, withoutEncounter: true });
  } else if (id !== undefined) {
    const { choices } = await findEncounters(service, session, {
      patient,
      id,
      ...(purpose && { purpose }),
    });
    const [encounter] = choices;
    if (!encounter) return showEncounters(service, context, at);
    const known = { ...step.context, encounter: encounter.id };
    await noteStep(service, request, { ...step, context: known });
  }
  return context.redirect(resumePath(request.handle), 303);
}

async function showEncounters(
  service: AuthService,
  context: HonoContext,
  { request, session }: Visit,
): Promise<Response> {
  const { patient: id = '', purpose } = request.step.context ?? {};
  const patient = await patientById(service, session, id, purpose);
  const of = { patient: id, ...(purpose && { purpose }) };
  const found = await findEncounters(service, session, of);
  const shown = { handle: request.handle, patient: patient?.name ?? 'this patient', found };
  return page(context, {
    title: 'Pick a visit',
    body: pickEncounterForm(shown),
    formTargets: formTargets(request),
  });
}

export const routes: readonly AuthRoute[] = [
  pageRoute('GET', '/auth/pick-patient', askPatient),
  pageRoute('POST', '/auth/pick-patient', pickPatient),
  pageRoute('GET', '/auth/pick-encounter', askEncounter),
  pageRoute('POST', '/auth/pick-encounter', pickEncounter),
];
