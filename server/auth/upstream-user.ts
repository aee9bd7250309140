import { type By, note } from './audit.ts';
import type { AuthService, User } from './types.ts';
import type { UpstreamSettings } from './upstream-settings.ts';
import { type Account, findBySubject, saveUser, type Upstream } from './users.ts';

type Claims = Readonly<Record<string, unknown>>;

/**
 * The user whom the identity provider knows by this subject; e-mail addresses and names decide
 * nothing, as they change hands. Who comes for the first time becomes a user without a FHIR identity,
 * which administrators give; roles come from groups where that is set up.
 */
export async function userOfClaims(
  service: AuthService,
  settings: UpstreamSettings,
  ...[claims, by]: [Claims, By]
): Promise<Account | undefined> {
  const who: Upstream = { issuer: settings.issuer, subject: String(claims['sub']) };
  const known = await findBySubject(service, who);
  const roles = rolesOf(settings, claims);
  if (!known) await saveUser(service, newcomer(claims, roles ?? []), { upstream: who });
  const isOther = known && roles && !isSame(roles, known.user.roles);
  if (isOther) await saveUser(service, { ...known.user, roles });
  const account = await findBySubject(service, who);
  if (account && (!known || isOther)) {
    const { id, roles: now } = account.user;
    const text = known ? 'user changed by their groups' : 'user created at the first sign-in';
    const pairs = { user: id, roles: now.join(' '), issuer: who.issuer };
    await note(service, 'administration', { by, text, pairs });
  }
  return account;
}

function newcomer(claims: Claims, roles: readonly string[]): User {
  const names = [claims['name'], claims['preferred_username'], claims['sub']];
  const name = String(names.find((one) => typeof one === 'string' && one !== '')).slice(0, 200);
  const nothing = { login: undefined, fhirUser: undefined, branches: [] };
  return { id: crypto.randomUUID(), name, roles, ...nothing };
}

/** The roles of somebody's groups; undefined where groups decide nothing. */
export function rolesOf(settings: UpstreamSettings, claims: Claims): string[] | undefined {
  const { groups: path, roles } = settings;
  if (path === undefined || roles === undefined) return undefined;
  const groups = new Set(listAt(claims, path.split('.')));
  const names = roles.filter(([group]) => groups.has(group)).map(([, role]) => role);
  return [...new Set(names)].sort();
}

function listAt(value: unknown, [name, ...rest]: readonly string[]): unknown[] {
  if (name === undefined) return Array.isArray(value) ? value : [value];
  const isThere = typeof value === 'object' && value !== null && Object.hasOwn(value, name);
  return isThere ? listAt((value as Record<string, unknown>)[name], rest) : [];
}

const isSame = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && [...one].sort().join('\n') === [...other].sort().join('\n');
