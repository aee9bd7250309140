import { accessOf } from './access.ts';
import { byOf, note } from './audit.ts';
import { authenticate, type Caller } from './authenticate.ts';
import { findClient } from './clients.ts';
import { jsonOf } from './json-body.ts';
import { createLaunch, launchUrl } from './launch.ts';
import { type LaunchWish, readLaunch } from './launch-fields.ts';
import { addressOf, allow } from './limits.ts';
import { type Params, visible } from './picker-search.ts';
import { type AuthContext, answerJson } from './route.ts';
import { type AuthService, type LaunchContext, OAuthError, type User } from './types.ts';
import { findByLogin, findUser } from './users.ts';

/**
 * EHR launches for an EHR that is not a part of this server: it says what is open in the record of
 * its user, and gets the address at which it starts the app in the user's browser.
 */

const LIMIT = { most: 600, per: 60 };

/**
 * POST /auth/launch as JSON: `client_id` and `patient`; `encounter`, `intent`, `fhirContext`,
 * `need_patient_banner`, `launch_uri` where the app has several, and `user` where a system asks.
 * The launch is for this user and this app, once and for five minutes.
 * @throws OAuthError invalid_token (401), insufficient_scope (403), invalid_request
 */
export async function launchByApi(service: AuthService, context: AuthContext): Promise<Response> {
  const caller = await trustedCaller(service, context);
  await allow(service, `launch:${caller.client.id}@${addressOf(service, context)}`, LIMIT);
  const wish = readLaunch(await jsonOf(context));
  const user = await userOf(service, caller, wish.user);
  const client = await findClient(service, wish.clientId);
  if (!client || client.launchUris.length === 0) {
    throw wrong('client_id is no app that can be started from a record.');
  }
  if (launchUrl(service, client, '', wish.launchUri) === undefined) {
    throw wrong('launch_uri is not one that the app has registered.');
  }
  await requireSight(service, { caller, user }, wish);
  const made = await createLaunch(service, {
    ...{ clientId: client.id, userId: user.id, context: contextOf(wish) },
  });
  await note(service, 'launch', {
    ...{ by: byOf(service, context, caller), text: 'an app was started from a record' },
    patient: wish.patient,
    pairs: { app: client.id, user: user.id, encounter: wish.encounter },
  });
  const url = launchUrl(service, client, made, wish.launchUri);
  return answerJson({ launch: made, iss: service.config.base, url }, { status: 201 });
}

const wrong = (text: string): OAuthError => new OAuthError('invalid_request', text);

/** The hospital's own only: whoever opens records for others is believed what is open in them. */
async function trustedCaller(service: AuthService, context: AuthContext): Promise<Caller> {
  const caller = await authenticate(service, context.env.incoming.headers);
  if (!caller) {
    const text = 'Send an access token of the EHR: Authorization: Bearer <token>.';
    throw new OAuthError('invalid_token', text, 401);
  }
  if (caller.client.settings.trusted === true) return caller;
  const text = "Only a client of the hospital's own (trusted) may start apps.";
  throw new OAuthError('insufficient_scope', text, 403);
}

/** For whom: who holds the token, or whom a system names by id or login. */
async function userOf(
  service: AuthService,
  caller: Caller,
  named: string | undefined,
): Promise<User> {
  if (caller.user) {
    if (named === undefined || named === caller.user.id) return caller.user;
    throw wrong('user is another one than that of the token. Leave it out.');
  }
  if (named === undefined) throw wrong('user is missing: the id or login of who starts the app.');
  const user = (await findUser(service, named)) ?? (await byLogin(service, named));
  if (user) return user;
  throw wrong('user is nobody who may sign in here.');
}

async function byLogin(service: AuthService, login: string): Promise<User | undefined> {
  const account = await findByLogin(service, login);
  return account?.disabled === false ? account.user : undefined;
}

/**
 * All of it must be within sight of the user and of the token, so that a launch neither shows the
 * user more nor tells the caller what there is.
 */
async function requireSight(
  service: AuthService,
  { caller, user }: { caller: Caller; user: User },
  { patient, encounter, fhirContext = [] }: LaunchWish,
): Promise<void> {
  const accesses = [
    await accessOf(service, { grant: { context: {} }, scope: 'user/*.rs', user }),
    await accessOf(service, caller),
  ];
  const seen = async (type: string, id: string, where: Params = []): Promise<boolean> => {
    const found = accesses.map((access) => {
      const actor = { kind: 'client' as const, name: caller.client.id, access };
      return visible(service, actor, { type, id, where });
    });
    return (await Promise.all(found)).every((one) => one !== undefined);
  };
  if (!(await seen('Patient', patient))) {
    throw wrong('patient is none that the user and the token may see.');
  }
  if (encounter !== undefined && !(await seen('Encounter', encounter, [['patient', patient]]))) {
    throw wrong('encounter is none of this patient that the user and the token may see.');
  }
  for (const [at, { reference }] of fhirContext.entries()) {
    const [type = '', id = ''] = String(reference ?? '').split('/');
    if (reference !== undefined && !(await seen(type, id))) {
      throw wrong(`fhirContext[${at}].reference is nothing that the user and the token may see.`);
    }
  }
}

const contextOf = ({ patient, encounter, intent, ...rest }: LaunchWish): LaunchContext => ({
  patient,
  ...(encounter !== undefined && { encounter }),
  ...(intent !== undefined && { intent }),
  ...(rest.needPatientBanner !== undefined && { needPatientBanner: rest.needPatientBanner }),
  ...(rest.fhirContext && { fhirContext: rest.fhirContext.map((one) => ({ ...one })) }),
});
