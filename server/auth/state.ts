import { FhirError } from '../fhir/error.ts';
import { deepEqual, parseJson, parseResource } from '../fhir/json.ts';
import type { JsonObject } from '../fhir/types.ts';
import { byOf, note, noteSoon } from './audit.ts';
import { authenticate, type Caller } from './authenticate.ts';
import { preflight } from './cors.ts';
import { fhirRoute } from './fhir-route.ts';
import { queryOf } from './form.ts';
import { bytesOf } from './json-body.ts';
import { addressOf, allow } from './limits.ts';
import type { AuthContext, AuthRoute } from './route.ts';
import type { Op } from './scopes.ts';
import { stateCapabilities } from './state-capabilities.ts';
import { keyOf, searchedKey } from './state-check.ts';
import { ownerOf, refusal, type StateKey } from './state-rights.ts';
import {
  deleteState,
  findState,
  insertState,
  MOST,
  type OwnedKey,
  type State,
  searchStates,
  updateState,
} from './state-store.ts';
import type { AuthService } from './types.ts';

/**
 * App state (SMART App Launch 2.2, experimental): a FHIR endpoint of its own where apps keep what
 * they want to find again, as Basic.
 */

export const STATE_BASE = '/auth/app-state';
const LONGEST = 256 * 1024;
const LIMIT = { most: 600, per: 60 };

/** One request of somebody who may ask. */
interface Visit {
  service: AuthService;
  context: AuthContext;
  caller: Caller;
}

async function visitOf(service: AuthService, context: AuthContext): Promise<Visit> {
  const { headers } = context.env.incoming;
  const caller = await authenticate(service, headers);
  if (!caller) throw new FhirError('unauthorized', 'Send the access token of the app as Bearer.');
  await allow(service, `state:${caller.client.id}@${addressOf(service, context)}`, LIMIT);
  return { service, context, caller };
}

/** POST [base]/Basic */
async function create(service: AuthService, context: AuthContext): Promise<Response> {
  const visit = await visitOf(service, context);
  const { headers } = context.env.incoming;
  if (headers['if-none-exist'] !== undefined || headers['if-match'] !== undefined) {
    throw new FhirError('invalid', 'App state is created without conditions.');
  }
  const basic = await basicOf(context);
  const key = await permitted(visit, 'c', keyOf(basic, service.config));
  const state = await insertState(service, key, basic);
  if (!state) {
    const text = `At most ${MOST.key} states of a code and subject, and ${MOST.subject} of a subject.`;
    throw new FhirError('unprocessable', `${text} Change or delete one instead.`);
  }
  await noteChange(visit, 'app state created', state);
  return answer(visit, state, 201);
}

/** PUT [base]/Basic/:id */
async function update(service: AuthService, context: AuthContext): Promise<Response> {
  const visit = await visitOf(service, context);
  const id = context.req.param('id') ?? '';
  const version = versionOf(context);
  const basic = await basicOf(context);
  const key = await permitted(visit, 'u', keyOf(basic, { id, base: service.config.base }));
  const before = await findState(service, id);
  if (!before || before.version !== version || !isSame(before, key, basic)) throw stale();
  const state = await updateState(service, before, basic);
  if (!state) throw stale();
  await noteChange(visit, 'app state changed', state);
  return answer(visit, state, 200);
}

/** DELETE [base]/Basic/:id */
async function remove(service: AuthService, context: AuthContext): Promise<Response> {
  const visit = await visitOf(service, context);
  const version = versionOf(context);
  const state = await findState(service, context.req.param('id') ?? '');
  // State that is out of reach looks like state that there is not.
  const isOurs = state && (await refused(visit, 'd', state.key)) === undefined;
  if (!isOurs || ownerOf(visit.caller.client, state.key.system) !== state.key.owner) throw stale();
  if (state.version !== version || !(await deleteState(service, state))) throw stale();
  await noteChange(visit, 'app state deleted', state);
  return new Response(null, { status: 204, headers: { 'Cache-Control': 'no-store' } });
}

/** GET [base]/Basic?code=&subject= */
async function search(service: AuthService, context: AuthContext): Promise<Response> {
  const visit = await visitOf(service, context);
  const asked = searchedKey(queryOf(context), service.config.base);
  const key = await permitted(visit, 's', asked);
  const states = await searchStates(service, key);
  noteSoon(service, 'operation', {
    ...{ by: byOf(service, context, visit.caller), text: 'app state searched' },
    ...detailOf(key),
  });
  const url = `${baseOf(service)}/Basic`;
  const query = context.env.incoming.url?.split('?')[1] ?? '';
  const entries = states.map(
    ({ id, content }) =>
      `{"fullUrl":${JSON.stringify(`${url}/${id}`)},"resource":${content},"search":{"mode":"match"}}`,
  );
  const self = JSON.stringify([{ relation: 'self', url: `${url}?${query}` }]);
  const entry = entries.length === 0 ? '' : `,"entry":[${entries.join(',')}]`;
  const head = `{"resourceType":"Bundle","type":"searchset","total":${states.length}`;
  return asFhir(`${head},"link":${self}${entry}}`, 200);
}

/** The key with its owner. Throws FhirError forbidden where the caller may not do this. */
async function permitted(visit: Visit, op: Op, key: StateKey): Promise<OwnedKey> {
  const owner = ownerOf(visit.caller.client, key.system);
  const why =
    owner === undefined
      ? 'The code system is none of this app: take the origin of its registered addresses, or have ' +
        'an administrator add another to app_state of the client.'
      : await refused(visit, op, key);
  if (owner === undefined || why !== undefined) throw new FhirError('forbidden', why ?? '');
  return { ...key, owner };
}

const refused = ({ service, caller }: Visit, op: Op, key: StateKey): Promise<string | undefined> =>
  refusal(service, caller, { op, key });

function isSame(before: State, key: OwnedKey, basic: JsonObject): boolean {
  const kept = parseJson(before.content) as JsonObject;
  return (
    before.key.owner === key.owner &&
    deepEqual(kept['code'], basic['code']) &&
    deepEqual(kept['subject'], basic['subject'])
  );
}

const stale = (): FhirError =>
  new FhirError(
    'precondition',
    'There is no such state at this version, or its code or subject is another. Search for it again.',
  );

function versionOf({ env }: AuthContext): number {
  const match = env.incoming.headers['if-match'];
  const [, version] = /^\s*(?:W\/)?"(\d{1,9})"\s*$/.exec(match ?? '') ?? [];
  if (version !== undefined) return Number(version);
  if (match === undefined) {
    throw new FhirError('precondition', 'Send If-Match with the ETag of the version it is about.');
  }
  throw stale();
}

const TYPES = ['application/fhir+json', 'application/json'];

async function basicOf(context: AuthContext): Promise<JsonObject> {
  const [type = ''] = (context.env.incoming.headers['content-type'] ?? '').split(';');
  if (!TYPES.includes(type.trim().toLowerCase())) {
    throw new FhirError('unsupported-media', `Send the state as ${TYPES.join(' or ')}.`);
  }
  const bytes = await bytesOf(context, LONGEST);
  if (!bytes) throw new FhirError('too-large', 'App state has at most 256 kB.');
  return parseResource(bytes) as JsonObject;
}

const baseOf = ({ config }: AuthService): string => `${config.origin}${STATE_BASE}`;

function answer({ service }: Visit, { id, version, content }: State, status: 200 | 201): Response {
  const url = `${baseOf(service)}/Basic/${id}`;
  const location = status === 201 ? { Location: url } : {};
  return asFhir(content, status, { ETag: `W/"${version}"`, ...location });
}

const asFhir = (text: string, status: number, headers: Record<string, string> = {}): Response =>
  new Response(text, {
    status,
    headers: {
      ...{ 'Content-Type': 'application/fhir+json; charset=utf-8', 'Cache-Control': 'no-store' },
      ...{ 'X-Content-Type-Options': 'nosniff', ...headers },
    },
  });

const detailOf = ({ system, code, subject }: StateKey): object => ({
  ...(subject.startsWith('Patient/') && { patient: subject.slice('Patient/'.length) }),
  pairs: { code: `${system}|${code}`, subject: subject || undefined },
});

const noteChange = (
  { service, context, caller }: Visit,
  text: string,
  { key }: State,
): Promise<void> =>
  note(service, 'operation', { by: byOf(service, context, caller), text, ...detailOf(key) });

/** GET [base]/metadata */
async function metadata(service: AuthService): Promise<Response> {
  return asFhir(JSON.stringify(stateCapabilities(baseOf(service))), 200);
}

const ALL = `${STATE_BASE}/Basic`;
const ONE = `${STATE_BASE}/Basic/:id`;

export const routes: readonly AuthRoute[] = [
  fhirRoute('GET', `${STATE_BASE}/metadata`, metadata, 'any'),
  fhirRoute('GET', ALL, search, 'clients'),
  fhirRoute('POST', ALL, create, 'clients'),
  fhirRoute('PUT', ONE, update, 'clients'),
  fhirRoute('DELETE', ONE, remove, 'clients'),
  ...[ALL, ONE].map(
    (path): AuthRoute => ({ method: 'OPTIONS', path, handler: preflight, origins: 'clients' }),
  ),
];
