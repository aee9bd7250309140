import { requireAdmin } from './admin.ts';
import { changesBetween, note } from './audit.ts';
import { jsonOf } from './json-body.ts';
import { type Problem, ROLE_NAME, readRole } from './role-fields.ts';
import { deleteRole, rolesOf, saveRole } from './role-store.ts';
import type { Role } from './roles.ts';
import { SHIPPED } from './roles-shipped.ts';
import { type AuthContext, type AuthRoute, answerJson } from './route.ts';
import type { AuthService } from './types.ts';

/** The roles as administrators see and change them (server/auth/roles.ts says what a rule holds). */

/** GET /admin/roles */
async function list(service: AuthService, context: AuthContext): Promise<Response> {
  await requireAdmin(service, context);
  const { byName } = await rolesOf(service);
  return answerJson({ roles: [...byName.values()] });
}

/** GET /admin/roles/:name */
async function get(service: AuthService, context: AuthContext): Promise<Response> {
  await requireAdmin(service, context);
  const role = (await rolesOf(service)).byName.get(nameOf(context));
  return role ? answerJson(role) : unknown();
}

/** PUT /admin/roles/:name creates or changes it; it holds for all tokens at once. */
async function put(service: AuthService, context: AuthContext): Promise<Response> {
  const { by } = await requireAdmin(service, context);
  const name = nameOf(context);
  if (!ROLE_NAME.test(name)) {
    return wrong([{ at: 'name', problem: 'It is not 1 to 64 letters, digits and dashes.' }]);
  }
  const role = readRole(service.store.definitions, name, await jsonOf(context));
  if ('problems' in role) return wrong(role.problems);
  const known = (await rolesOf(service)).byName.get(name);
  await saveRole(service, role);
  const text = known ? 'role changed' : 'role created';
  const pairs = { role: name, ...changesBetween(known, role), name: undefined };
  await note(service, 'administration', { by, text, pairs });
  return answerJson(role, { status: known ? 200 : 201 });
}

/**
 * DELETE /admin/roles/:name: gone, if nobody has it. One that came with the server goes back to how it
 * came, as it would at the next start.
 */
async function remove(service: AuthService, context: AuthContext): Promise<Response> {
  const { by } = await requireAdmin(service, context);
  const name = nameOf(context);
  const shipped = SHIPPED.find((role) => role.name === name);
  if (shipped) {
    const role: Role = { ...shipped, shipped: true };
    await saveRole(service, role);
    const text = 'role put back to how it was shipped';
    await note(service, 'administration', { by, text, pairs: { role: name } });
    return answerJson(role);
  }
  const done = await deleteRole(service, name);
  if (done === 'absent') return unknown();
  if (done === 'used') return used(name);
  await note(service, 'administration', { by, text: 'role deleted', pairs: { role: name } });
  return new Response(null, { status: 204, headers: { 'Cache-Control': 'no-store' } });
}

const nameOf = (context: AuthContext): string => context.req.param('name') ?? '';

function wrong(problems: readonly Problem[]): Response {
  const [first] = problems;
  const error_description = `${first?.at}: ${first?.problem}`;
  return answerJson({ error: 'invalid_request', error_description, problems }, { status: 400 });
}

const refusal = (status: number, error: string, text: string): Response =>
  answerJson({ error, error_description: text }, { status });

const unknown = (): Response => refusal(404, 'not_found', 'There is no role with this name.');
const used = (name: string): Response =>
  refusal(409, 'conflict', `Users or clients have the role ${name}: take it from them first.`);

export const routes: readonly AuthRoute[] = [
  { method: 'GET', path: '/admin/roles', handler: list },
  { method: 'GET', path: '/admin/roles/:name', handler: get },
  { method: 'PUT', path: '/admin/roles/:name', handler: put },
  { method: 'DELETE', path: '/admin/roles/:name', handler: remove },
];
