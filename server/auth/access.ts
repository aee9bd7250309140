import { createHash } from 'node:crypto';
import type { Access } from '../store/store.ts';
import { VARIABLES, type Variable, type Variables } from './access-criteria.ts';
import {
  type Branch,
  bothOf,
  type ElementRule,
  type PolicyOptions,
  policyOutcomes,
  scopeBranches,
  unbounded,
} from './access-policy.ts';
import { loadVariables, type Person } from './access-variables.ts';
import { type Roles, rolesOf } from './role-store.ts';
import { ADMIN, NAMED_ONLY, type Role } from './roles.ts';
import { isNarrower, OPS, parseScopes, type ResourceScope } from './scopes.ts';
import type { AuthService, Client, ClientSettings, LaunchContext, User } from './types.ts';

/**
 * What a caller may see and change: what the roles allow AND what the scopes ask for. Scopes narrow,
 * they never add (SMART 2.2): `patient/` is bound to the patient of the launch besides, `user/` is
 * what the user's roles allow, `system/` what the roles of the client allow.
 */

/** Whose access; `Caller` of authenticate.ts is one. */
export interface Bearer {
  grant: { context: LaunchContext };
  /** Of the token: it may be narrower than that of the grant. */
  scope: string;
  /** Absent for systems. */
  user?: User | undefined;
  /** Absent for the pages of the server itself. */
  client?: (Pick<Client, 'id' | 'roles'> & { settings: SystemSettings }) | undefined;
  /** Purpose of use, where one was given: `BTG` to break the glass. */
  purpose?: string | undefined;
}

/** What a system is in FHIR (`Organization/1`, `Device/1`), and its branches. */
type SystemSettings = ClientSettings & { fhirUser?: string; branches?: readonly string[] };

/** Access whose rules also say what they leave out. */
export interface ElementAccess extends Access {
  rules(type: string): readonly ElementRule[];
}

/** So long a change of branches, duties, wards or relations may go unnoticed; of roles a second. */
const KEEP_MS = 30_000;
const MOST_KEPT = 2000;

interface Kept {
  access: Promise<ElementAccess>;
  until: number;
}

const kept = new WeakMap<AuthService, Map<string, Kept>>();

/** What the bearer of a token may see and change; kept for half a minute. */
export async function accessOf(service: AuthService, bearer: Bearer): Promise<ElementAccess> {
  const roles = await rolesOf(service);
  const cache = kept.get(service) ?? new Map<string, Kept>();
  kept.set(service, cache);
  const key = keyOf(bearer, [roles.version, service.store.definitions.revision]);
  const now = service.now();
  const before = cache.get(key);
  if (before && before.until > now && before.until <= now + KEEP_MS) return before.access;
  if (cache.size >= MOST_KEPT) cache.clear();
  const access = makeAccess(service, bearer, roles);
  cache.set(key, { access, until: now + KEEP_MS });
  access.catch(() => cache.delete(key));
  return access;
}

/** All that the access depends on. */
function keyOf({ grant, scope, user, client, purpose }: Bearer, more: readonly unknown[]): string {
  const { id, fhirUser, roles, branches } = user ?? {};
  const who = [id, fhirUser, roles, branches, client?.id, client?.roles, client?.settings];
  return JSON.stringify([...more, scope, grant.context.patient, purpose, ...who]);
}

async function makeAccess(
  service: AuthService,
  bearer: Bearer,
  roles: Roles,
): Promise<ElementAccess> {
  const asked = await prepare(service, bearer, roles);
  const types = new Set(service.store.definitions.resourceTypes);
  const made = new Map<string, readonly ElementRule[]>();
  return {
    key: createHash('sha256').update(bearerKey(bearer)).digest('base64url'),
    admin: isAdmin(asked, bearer, service.config.bootstrapClient?.id),
    rules: (type) => {
      const rules = made.get(type) ?? (types.has(type) ? rulesOf(asked, type) : []);
      if (types.has(type)) made.set(type, rules);
      return rules;
    },
  };
}

/** Without what changes while somebody turns pages. */
const bearerKey = ({ grant, scope, user, client, purpose }: Bearer): string =>
  JSON.stringify([user?.id, client?.id, scope, grant.context.patient, purpose]);

/** All that rules are made from. */
export interface Prepared {
  /** Undefined: nothing but the scopes bounds it. */
  roles: readonly Role[] | undefined;
  names: readonly string[];
  scopes: readonly ResourceScope[];
  patient: string | undefined;
  purpose: string | undefined;
  options: Omit<PolicyOptions, 'purpose'> & { variables: Variables };
}

/** Looks up what the rules of somebody hang on. */
export async function prepare(
  service: AuthService,
  bearer: Bearer,
  known: Roles,
): Promise<Prepared> {
  const { grant, user, client, purpose } = bearer;
  const names = user ? user.roles : (client?.roles ?? []);
  // A role that there is no more gives nothing, so a system that had roles stays bound.
  const bounded = user !== undefined || names.length > 0 || client === undefined;
  const roles = bounded ? names.flatMap((name) => known.byName.get(name) ?? []) : undefined;
  const { patient } = grant.context;
  const person: Person = user ? { ...user, patient } : { ...systemOf(client), patient };
  const variables = await loadVariables(service, person, variablesIn(roles ?? []));
  const { store, config, now } = service;
  const { definitions } = store;
  const options = { definitions, bases: [config.base], zone: config.zone, now: now(), variables };
  const subjects: PolicyOptions['subjects'] = new Map();
  const scopes = scopesOf(bearer);
  return {
    roles,
    names,
    scopes,
    patient: user && patient,
    purpose,
    options: { ...options, subjects },
  };
}

function systemOf(client: Bearer['client']): Pick<Person, 'fhirUser' | 'branches'> {
  const { fhirUser, branches = [] } = client?.settings ?? {};
  return { fhirUser, branches };
}

/** Systems have no patient and no user, people are no systems. */
const scopesOf = ({ scope, user }: Bearer): ResourceScope[] =>
  parseScopes(scope).scopes.filter(
    ({ context }) => (context === 'system') === (user === undefined),
  );

function variablesIn(roles: readonly Role[]): Set<Variable> {
  const texts = roles.flatMap(({ rules }) =>
    rules.flatMap(({ criteria = '', anyOf = [], except = [] }) => [criteria, ...anyOf, ...except]),
  );
  return new Set(VARIABLES.filter((name) => texts.some((text) => text.includes(`%${name}`))));
}

const EVERYTHING: readonly ResourceScope[] = parseScopes('user/*.cruds system/*.cruds').scopes;

/** As `requireAdmin` has it: with an app of the hospital's own, and all that somebody may do at all. */
function isAdmin(
  { names, scopes }: Prepared,
  { user, client }: Bearer,
  first: string | undefined,
): boolean {
  if (user && client?.settings.trusted !== true) return false;
  const isFirst = !user && first !== undefined && client?.id === first;
  if (!isFirst && !names.includes(ADMIN)) return false;
  return EVERYTHING.some((scope) => isNarrower([scope], scopes));
}

/** The rules of a type for whom it was prepared. */
export function rulesOf(prepared: Prepared, type: string): ElementRule[] {
  const { scopes, patient, options } = prepared;
  return bothOf(policyOf(prepared, type), scopeBranches(scopes, type, { ...options, patient }));
}

/** What the roles, or the lack of any, give of a type. */
export function policyOf({ roles, purpose, options }: Prepared, type: string): Branch[] {
  // Systems may report what they saw; to read what others saw takes a role.
  if (!roles) return [unbounded(NAMED_ONLY.has(type) ? ['c'] : OPS)];
  return policyOutcomes(roles, type, { ...options, purpose }).flatMap(({ branch }) => branch ?? []);
}
