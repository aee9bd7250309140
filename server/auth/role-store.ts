import { loadSql } from '../db/db.ts';
import type { Role, RoleRule } from './roles.ts';
import type { AuthService } from './types.ts';

/** The table of roles, and what each process knows of it. */

const VERSION = loadSql(import.meta.url, 'role-version.sql');
const ALL = loadSql(import.meta.url, 'roles.sql');
const SAVE = loadSql(import.meta.url, 'role-save.sql');
const DELETE = loadSql(import.meta.url, 'role-delete.sql');
const SHIP = loadSql(import.meta.url, 'roles-ship.sql');

/** All roles by name; `version` is another one after any change. */
export interface Roles {
  version: string;
  byName: ReadonlyMap<string, Role>;
}

/** So long another process may go on with the roles as they were. */
const KEEP_MS = 1000;

interface Known {
  roles: Promise<Roles>;
  looked: number;
}

const known = new WeakMap<AuthService, Known>();

/** The roles, at most a second old; changes of this process hold at once. */
export function rolesOf(service: AuthService): Promise<Roles> {
  const now = service.now();
  const before = known.get(service);
  if (before && Math.abs(now - before.looked) < KEEP_MS) return before.roles;
  const roles = look(service, before?.roles);
  known.set(service, { roles, looked: now });
  roles.catch(() => known.delete(service));
  return roles;
}

async function look({ db }: AuthService, before: Promise<Roles> | undefined): Promise<Roles> {
  const [row] = await db.fast<[string | null]>(VERSION, []);
  const version = row?.[0] ?? '';
  const last = await before?.catch(() => undefined);
  if (last?.version === version) return last;
  const rows = await db.tuples<[string, string, RoleRule[], boolean]>(ALL);
  const roles = rows.map(
    ([name, title, rules, shipped]): Role => ({ name, title, rules, shipped }),
  );
  return { version, byName: new Map(roles.map((role) => [role.name, role])) };
}

/** Creates the role or changes it. */
export async function saveRole(service: AuthService, role: Role): Promise<void> {
  const { name, title, rules, shipped } = role;
  const values = [name, title, JSON.stringify(rules), shipped, service.now() / 1000];
  await service.db.execute(SAVE, values);
  known.delete(service);
}

/** Deletes a role that no user and no client has; `used` where one has, even a disabled one. */
export async function deleteRole(
  service: AuthService,
  name: string,
): Promise<'deleted' | 'used' | 'absent'> {
  const [row] = await service.db.tuples<[boolean, boolean]>(DELETE, [name]);
  const [used, deleted] = row ?? [false, false];
  known.delete(service);
  if (used) return 'used';
  return deleted ? 'deleted' : 'absent';
}

/** Brings roles that nobody has changed to how they come with this version of the server. */
export async function shipRoles(
  service: AuthService,
  roles: readonly Omit<Role, 'shipped'>[],
): Promise<void> {
  await service.db.execute(SHIP, [JSON.stringify(roles), service.now() / 1000]);
  known.delete(service);
}
