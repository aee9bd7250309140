import { loadSql } from '../db/db.ts';
import { isObject } from '../fhir/json.ts';
import { byOf, note, noteSoon } from './audit.ts';
import { authenticate, type Caller } from './authenticate.ts';
import { mayBreakGlass, patientNamed } from './break-glass-patient.ts';
import { scopeForOne } from './break-glass-scope.ts';
import { beginGlass, type Glass, grantOfGlass } from './break-glass-store.ts';
import { preflight } from './cors.ts';
import { type Form, formOf } from './form.ts';
import { jsonOf } from './json-body.ts';
import { allow } from './limits.ts';
import { type AuthContext, type AuthRoute, answerJson } from './route.ts';
import { parseScopes } from './scopes.ts';
import { contextMembers } from './token-context.ts';
import { issueTokens } from './tokens.ts';
import { type AuthService, OAuthError, type User } from './types.ts';

/**
 * POST /auth/break-glass: a token for one patient whom the user does not see otherwise, for a reason
 * and a short while, reviewed afterwards.
 */

const SIGNED_IN = loadSql(import.meta.url, 'break-glass-signed-in.sql');

export const routes: readonly AuthRoute[] = [
  { method: 'POST', path: '/auth/break-glass', handler: breakGlass, origins: 'clients' },
  { method: 'OPTIONS', path: '/auth/break-glass', handler: preflight, origins: 'clients' },
];

/** Of one user, here and in launches: an emergency room has many, who walks through records more. */
export const LIMIT = { most: 30, per: 600 };
/** Seconds that it lasts: unless said otherwise, and at most. */
export const LIFETIME = 30 * 60;
const LONGEST = 3600;
/** Seconds after signing in for which no one has to do so again. */
const FRESH = 15 * 60;

async function breakGlass(service: AuthService, context: AuthContext): Promise<Response> {
  const asked: { caller?: Caller; patient?: string } = {};
  try {
    return await answer(service, context, asked);
  } catch (error) {
    if (error instanceof OAuthError) {
      const { caller, patient } = asked;
      const by = byOf(service, context, caller);
      const text = `emergency access refused: ${error.code}`;
      const refused = { by, outcome: 4 as const, text, patient };
      if (caller?.user) await note(service, 'breakGlass', refused);
      else noteSoon(service, 'breakGlass', refused);
    }
    throw error;
  }
}

/** `asked` is filled in as it becomes known. */
async function answer(
  service: AuthService,
  context: AuthContext,
  asked: { caller?: Caller; patient?: string },
): Promise<Response> {
  const caller = await authenticate(service, context.env.incoming.headers);
  if (!caller) throw new OAuthError('invalid_token', 'Send an access token of the user.', 401);
  asked.caller = caller;
  const { user, scope } = await admitted(service, caller);
  await allow(service, `break-glass:${user.id}`, LIMIT);
  const { grant } = caller;
  if (!(await isFresh(service, caller))) return proveAgain(service, context, caller);
  const wish = wishOf(await fieldsOf(context));
  const patient = await patientNamed(service, user, wish.patient);
  if (!patient) return unknown(service, context, { caller, reason: wish.reason });
  asked.patient = patient.id;
  const glass = await beginGlass(service, {
    ...{ user, clientId: grant.clientId, sessionId: grant.sessionId ?? '', scope },
    ...{ ...wish, patient: patient.id, by: byOf(service, context, caller) },
  });
  return answerJson(await tokenFor(service, glass, scope));
}

/** What of the token is for one patient; throws for those who may not, whoever the patient is. */
async function admitted(
  service: AuthService,
  { user, client, scope, purpose }: Caller,
): Promise<{ user: User; scope: string }> {
  const refuse = (text: string): OAuthError => new OAuthError('insufficient_scope', text, 403);
  if (!user) throw refuse('Only people break the glass: this is the token of a system.');
  if (purpose !== undefined) throw refuse('Send the token that the user had before.');
  // Whoever agreed to an app's reading of one record did not hand it the reasons for others.
  if (client.settings.trusted !== true) {
    throw refuse("Only apps of the hospital's own may ask for this; others launch again.");
  }
  if (!(await mayBreakGlass(service, user))) {
    throw refuse('Your roles give no access in emergencies.');
  }
  const bound = scopeForOne(scope, ['launch/patient']);
  if (parseScopes(bound).scopes.length > 0) return { user, scope: bound };
  throw refuse('The token has no scope for data of patients.');
}

async function isFresh(service: AuthService, { grant }: Caller): Promise<boolean> {
  if (grant.sessionId === undefined) return false;
  const now = service.now() / 1000;
  const values = [grant.sessionId, grant.userId, now];
  const [row] = await service.db.steady<[number]>(SIGNED_IN, values);
  return row !== undefined && row[0] >= now - FRESH;
}

/** RFC 9470 3. */
async function proveAgain(
  service: AuthService,
  context: AuthContext,
  caller: Caller,
): Promise<Response> {
  const error = 'insufficient_user_authentication';
  const why = `emergency access refused: ${error}`;
  await note(service, 'breakGlass', { by: byOf(service, context, caller), outcome: 4, text: why });
  const text = 'The user has to sign in again before: launch with this max_age.';
  const challenge = `Bearer realm="kiln", error="${error}", error_description="${text}", max_age="${FRESH}"`;
  const body = { error, error_description: text, max_age: FRESH };
  return answerJson(body, { status: 401, headers: { 'WWW-Authenticate': challenge } });
}

/** Where none is, or none that the roles give, or several: one answer. */
async function unknown(
  service: AuthService,
  context: AuthContext,
  { caller, reason }: { caller: Caller; reason: string },
): Promise<Response> {
  const by = byOf(service, context, { ...caller, purpose: 'BTG' });
  const text = 'emergency access to a patient that does not exist';
  await note(service, 'breakGlass', { by, outcome: 4, text, pairs: { reason } });
  const error_description = 'There is no patient with this id or identifier, or several.';
  return answerJson({ error: 'not_found', error_description }, { status: 404 });
}

const FIELDS = ['patient', 'reason', 'expires_in'];

/** A form, or JSON with the same names. */
async function fieldsOf(context: AuthContext): Promise<Form> {
  const type = context.env.incoming.headers['content-type'] ?? '';
  if (!/^application\/json\b/i.test(type.trim())) return formOf(context);
  const body = await jsonOf(context);
  const fields = Object.entries(body).map(([name, value]): [string, string] => {
    if (isObject(value) || Array.isArray(value) || value === null || !FIELDS.includes(name)) {
      throw fault(`Only ${FIELDS.join(', ')} can be sent, each as a text or a number.`);
    }
    return [name, String(value)];
  });
  return new Map(fields);
}

const fault = (text: string): OAuthError => new OAuthError('invalid_request', text);

function wishOf(form: Form): { patient: string; reason: string; lifetime: number } {
  const patient = form.get('patient')?.trim();
  if (patient === undefined || patient === '' || patient.length > 300) {
    throw fault('patient is missing: Patient/[id], or system|value of an identifier.');
  }
  const reason = reasonIn(form);
  if (reason === undefined) throw fault(`reason is missing, or not ${REASON_LENGTH} characters.`);
  const text = form.get('expires_in') ?? String(LIFETIME);
  const lifetime = Number(text);
  if (!/^\d{1,5}$/.test(text) || lifetime < 1 || lifetime > LONGEST) {
    throw fault(`expires_in is not a number of seconds from 1 to ${LONGEST}.`);
  }
  return { patient, reason, lifetime };
}

export const REASON_LENGTH = '10 to 500';

/** The reason in a form; undefined where there is none, or it is too short or too long. */
export function reasonIn(form: Form): string | undefined {
  const reason = (form.get('reason') ?? '').replace(/[\p{Cc}\s]+/gu, ' ').trim();
  const { length } = [...reason];
  return length >= 10 && length <= 500 ? reason : undefined;
}

/** A token of what goes on: who asks again gets another one, which ends at the same time. */
async function tokenFor(service: AuthService, glass: Glass, scope: string): Promise<object> {
  const grant = grantOfGlass(glass, scope);
  const lifetime = Math.max(1, Math.round((glass.until - service.now()) / 1000));
  const { access, expiresIn } = await issueTokens(service, grant, { scope, lifetime });
  return {
    ...{ access_token: access, token_type: 'Bearer', expires_in: expiresIn, scope },
    ...contextMembers(service, grant),
    ...{ purpose: 'BTG', review: `Task/${glass.id}` },
  };
}
