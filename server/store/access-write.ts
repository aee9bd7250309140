import { FhirError } from '../fhir/error.ts';
import type { Resource } from '../fhir/types.ts';
import { forbidden, type Interaction, type Limit, limitOf, limitOfAll } from './access.ts';
import { fitting, hidden } from './access-check.ts';
import { fitsContent } from './access-fits.ts';
import { type Draft, idsOf, resourceOf } from './draft.ts';
import { dangling, localTargets } from './integrity.ts';
import type { Parts } from './resolve.ts';
import type { Known } from './settle.ts';
import type { Actor, Change } from './store.ts';

/**
 * Who may write what (facts of access control: a change must be within reach before and after it). The
 * type is looked at first, then what is stored, at last what would be.
 */

const NEEDS: Record<Change['method'], Interaction> = {
  ...{ create: 'c', update: 'u', patch: 'u', delete: 'd' },
};

/** Whether what an actor may write of these types depends on what is stored. */
export const isLimited = (actor: Actor, drafts: readonly Draft[]): boolean =>
  actor.access !== undefined &&
  drafts.some(({ change }) => limitOf(actor, change.type, NEEDS[change.method]) !== 'all');

/** @throws FhirError forbidden for a change of a type that is out of reach as a whole */
export function permitTypes(actor: Actor, drafts: readonly Draft[]): void {
  if (!actor.access) return;
  for (const { change } of drafts) {
    const { type, method, path } = change;
    const needed = NEEDS[method];
    // An update may turn out to be a create, which is asked for then.
    const other = method === 'update' ? limitOf(actor, type, 'c') : 'none';
    if (limitOf(actor, type, needed) === 'none' && other === 'none') {
      throw forbidden(type, needed, path);
    }
  }
}

/**
 * What is known of the resources without those that the actor may not change so.
 * @throws FhirError not-found for an update of one that is not there for the actor: whether another
 *   has it must not be told, so such actors do not create by PUT
 */
export async function permitStanding(
  { context, run, actor }: Parts,
  acting: readonly Draft[],
  known: Known,
): Promise<Known> {
  if (!actor.access) return known;
  const seen = new Map(known);
  for (const draft of acting) {
    const { change } = draft;
    // The match of a conditional create is one that the actor could search for.
    if (change.method === 'create') continue;
    const { type, path } = change;
    const limit = limitOf(actor, type, NEEDS[change.method]);
    for (const id of idsOf(draft)) {
      const name = `${type}/${id}`;
      if (!(await isWithin({ context, run }, limit, { type, id }))) seen.delete(name);
      if (change.method !== 'update' || seen.get(name)?.current) continue;
      const create = limitOf(actor, type, 'c');
      if (limit === 'all' && create === 'none') throw forbidden(type, 'c', path);
      if (limit !== 'all' || create !== 'all') throw hidden(type, id, path);
    }
  }
  return seen;
}

async function isWithin(
  { context, run }: Pick<Parts, 'context' | 'run'>,
  limit: Limit,
  { type, id }: { type: string; id: string },
): Promise<boolean> {
  if (typeof limit === 'string') return limit === 'all';
  const rk = String(context.hasher.row(type, id));
  const term = { kind: 'typed' as const, of: [{ types: [type], term: limit }] };
  return (await fitting(context, run, [rk], term)).has(rk);
}

/**
 * What would be stored must be within reach too, and so must be what it refers to.
 * @throws FhirError forbidden, or unprocessable for references that lead to nothing the actor knows
 */
export async function permitContents(
  parts: Parts,
  drafts: readonly Draft[],
  known: Known,
): Promise<void> {
  const { context, actor } = parts;
  if (!actor.access) return;
  const targets = new Map<string, Draft>();
  for (const draft of drafts) {
    const { change } = draft;
    const resource = draft.patched ?? resourceOf(change);
    if (!resource || draft.matched || draft.sameAs) continue;
    const { type } = change;
    const exists = known.get(`${type}/${draft.id}`)?.current !== undefined;
    const interaction = change.method === 'create' || !exists ? 'c' : 'u';
    const limit = limitOf(actor, type, interaction);
    if (limit === 'none') throw forbidden(type, interaction, change.path);
    const own: Resource = draft.id === undefined ? resource : { ...resource, id: draft.id };
    if (limit !== 'all' && fitsContent(context, own, limit) !== true) throw outside(change);
    for (const target of localTargets(context, resource)) targets.set(target, draft);
  }
  await permitTargets(parts, drafts, targets);
}

function outside({ type, path }: Change): FhirError {
  return new FhirError('forbidden', [
    {
      severity: 'error',
      code: 'forbidden',
      diagnostics:
        `This ${type} would be outside of what you may write, e.g. of another patient or category. ` +
        'Nothing was stored.',
      expression: path ? `${path}.resource` : type,
    },
  ]);
}

async function permitTargets(
  { context, run, actor }: Parts,
  drafts: readonly Draft[],
  targets: ReadonlyMap<string, Draft>,
): Promise<void> {
  const written = new Set(drafts.map(({ change, id }) => `${change.type}/${id}`));
  const asked = [...targets.keys()].filter((target) => !written.has(target));
  const visible = limitOfAll(actor, context.definitions.resourceTypes, 'r', 's');
  if (!visible || asked.length === 0) return;
  const keys = asked.map((target) => String(context.hasher.target(target)));
  const found = await fitting(context, run, keys, visible);
  const missing = asked.filter((_, i) => !found.has(keys[i] as string));
  if (missing.length === 0) return;
  const issues = missing.map((target) => dangling(targets.get(target) as Draft, target, 'error'));
  throw new FhirError('unprocessable', issues);
}
