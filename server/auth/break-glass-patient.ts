import type { Agent } from '../audit/audit.ts';
import { isId } from '../fhir/reference.ts';
import type { Actor } from '../store/store.ts';
import { accessOf } from './access.ts';
import { type Choice, found, patientChoice, visible } from './picker-search.ts';
import { rolesOf } from './role-store.ts';
import type { AuthService, User } from './types.ts';

/** Whose record may be opened in an emergency, and by whom. */

/** Whether the roles of the user give anything for this purpose at all. */
export async function mayBreakGlass(service: AuthService, { roles }: User): Promise<boolean> {
  const { byName } = await rolesOf(service);
  return roles.some((name) => byName.get(name)?.rules.some(({ purpose }) => purpose === 'BTG'));
}

/** What the user may see of one patient in an emergency. */
export async function emergencyActor(
  service: AuthService,
  user: User,
  ...[patient, agent]: [patient: string, agent?: Agent | undefined]
): Promise<Actor> {
  const grant = { context: { patient } };
  const access = await accessOf(service, { grant, scope: 'user/*.rs', user, purpose: 'BTG' });
  const trail = agent && { agent: { ...agent, purpose: 'BTG' } };
  return { kind: 'user', name: user.id, access, ...(trail && { trail }) };
}

/** More patients with one identifier are a mistake in the data, which nobody guesses about. */
const MOST = 5;

/**
 * The patient whom a text names exactly: `Patient/id`, an id, `system|value` of an identifier, or its
 * value. Undefined where there is none that the roles give in an emergency, or several.
 */
export async function patientNamed(
  service: AuthService,
  user: User,
  text: string,
): Promise<Choice | undefined> {
  const choices: Choice[] = [];
  for (const id of await candidates(service, text)) {
    const actor = await emergencyActor(service, user, id);
    const patient = await visible(service, actor, { type: 'Patient', id });
    if (patient) choices.push(patientChoice(patient));
  }
  return choices.length === 1 ? choices[0] : undefined;
}

/** Looked up by the server itself: to whom they may be shown comes after. */
const finder: Actor = { kind: 'system', name: 'break the glass' };

async function candidates(service: AuthService, text: string): Promise<string[]> {
  const [, named] = /^Patient\/(.+)$/.exec(text) ?? [];
  if (named !== undefined) return isId(named) ? [named] : [];
  // A bar separates the system from the value (R4 3.1.1.4.10), so it stays as it is.
  const value = text.replace(/[\\,$]/g, '\\$&');
  const patients = await found(service, finder, 'Patient', [['identifier', value]]);
  const ids = patients.map(({ id }) => String(id));
  return [...new Set([...(isId(text) ? [text] : []), ...ids])].slice(0, MOST);
}
