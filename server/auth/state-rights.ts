import { accessOf } from './access.ts';
import type { Caller } from './authenticate.ts';
import { originsIn } from './cors.ts';
import { visible } from './picker-search.ts';
import { sourceOf } from './requests.ts';
import { ADMIN } from './roles.ts';
import { type Op, parseScopes, type ResourceScope } from './scopes.ts';
import type { AuthService, Client } from './types.ts';

/**
 * Who may keep and read which app state (SMART App Launch 2.2, "App State", "Security and Access
 * controls"): by app, by state code, and by whom it is about.
 */

/** What state is about. */
export interface StateKey {
  /** Of the state code. */
  system: string;
  code: string;
  /** `Practitioner/1`; '' for state of the app as a whole. */
  subject: string;
}

/**
 * To whom states of a code system belong when this client asks: to the https origin, which apps of
 * one developer share, or to the client alone where the origin is nobody's for sure. Undefined where
 * the client has nothing to do with the code system.
 */
export function ownerOf(client: Client, system: string): string | undefined {
  const { settings, redirectUris, launchUris } = client;
  if (settings.appState?.includes(system)) return system;
  const uris = [...redirectUris, ...launchUris];
  if (system.startsWith('https:') && originsIn(uris).has(system)) return system;
  // Any program can listen on the own machine, and any app can take a scheme for itself.
  return uris.map(sourceOf).includes(system) ? `client:${client.id}` : undefined;
}

/** Why not, in words for developers; undefined where the caller may. */
export async function refusal(
  service: AuthService,
  caller: Caller,
  { op, key }: { op: Op; key: StateKey },
): Promise<string | undefined> {
  const contexts = await contextsOf(service, caller, key.subject);
  if (contexts.length === 0) {
    return 'Only state of the patient of the launch, of the user, or without subject is in reach.';
  }
  const { scopes } = parseScopes(caller.scope);
  const given = scopes.filter(({ context }) => contexts.includes(context));
  if (!given.some((scope) => scope.ops.has(op) && fits(scope, key))) {
    return `No scope of the token gives this: ${contexts.map((one) => `${one}/Basic.${op}`).join(' or ')}.`;
  }
  const isGlobalWrite = key.subject === '' && op !== 's';
  if (isGlobalWrite && caller.user && !caller.user.roles.includes(ADMIN)) {
    return `State without subject is changed by systems, and by users with the role ${ADMIN}.`;
  }
  return undefined;
}

/** The sorts of scopes that can give state about this subject; none where it is out of reach. */
async function contextsOf(
  service: AuthService,
  caller: Caller,
  subject: string,
): Promise<ResourceScope['context'][]> {
  const { user, grant } = caller;
  if (!user) return subject === '' ? ['system'] : [];
  if (subject === '') return ['user'];
  const { patient } = grant.context;
  const isPatient = patient !== undefined && subject === `Patient/${patient}`;
  const isUser = subject === user.fhirUser;
  if (isPatient && (await sees(service, caller, patient))) return ['patient', 'user'];
  return isUser || (await isDuty(service, caller, subject)) ? ['user'] : [];
}

/** Whoever no longer sees the patient has no state about them either. */
async function sees(service: AuthService, { user }: Caller, id: string): Promise<boolean> {
  const access = await accessOf(service, { grant: { context: {} }, scope: 'user/*.rs', user });
  const actor = { kind: 'user' as const, name: user?.id ?? '', access };
  return (await visible(service, actor, { type: 'Patient', id })) !== undefined;
}

/** Whether it is a PractitionerRole of the user. */
async function isDuty(service: AuthService, { user }: Caller, subject: string): Promise<boolean> {
  const [type, id = ''] = subject.split('/');
  if (type !== 'PractitionerRole' || !user?.fhirUser?.startsWith('Practitioner/')) return false;
  // Their own duties are no secret to them, whatever their roles let them read.
  const actor = { kind: 'system' as const, name: 'app-state' };
  const where = [['practitioner', user.fhirUser]] as const;
  return (await visible(service, actor, { type, id, where: [...where] })) !== undefined;
}

/** Of granular scopes only those by code can be told here. */
function fits({ type, query }: ResourceScope, { system, code }: StateKey): boolean {
  if (type !== '*' && type !== 'Basic') return false;
  const tokens = [`${system}|${code}`, code, `${system}|`];
  return query.every(
    ([name, value]) => name === 'code' && value.split(',').some((one) => tokens.includes(one)),
  );
}
