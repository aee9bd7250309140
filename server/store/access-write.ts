import { FhirError } from '../fhir/error.ts';
import { asResource, parseJson } from '../fhir/json.ts';
import type { Term } from '../fhir/query.ts';
import type { Resource } from '../fhir/types.ts';
import { forbidden, type Interaction, limitOf, withinLimit } from './access.ts';
import { fitting, isOpen, readable } from './access-check.ts';
import { type Outline, without } from './access-element-paths.ts';
import { fitsContent, type Looks } from './access-fits.ts';
import { AUDIT_EVENT } from './audit-refused.ts';
import type { Context, Run } from './context.ts';
import { type Draft, idsOf, resourceOf } from './draft.ts';
import { dangling, localTargets } from './integrity.ts';
import { notFound } from './not-found.ts';
import type { Parts } from './resolve.ts';
import type { Standing } from './rows.ts';
import type { Known } from './settle.ts';
import type { Actor, Change, ChangeResult, Version } from './store.ts';
import { Overtaken } from './write.ts';

/**
 * Who may write what (facts of access control: a change must be within reach before and after it). The
 * type is looked at first, then what is stored, at last what would be.
 */

const NEEDS: Record<Change['method'], Interaction> = {
  ...{ create: 'c', update: 'u', patch: 'u', delete: 'd' },
};

/**
 * Whether what an actor may write of these types depends on what is stored, the targets included: what
 * a system without roles writes does not, but for references to AuditEvents.
 */
export const isLimited = (context: Context, actor: Actor, drafts: readonly Draft[]): boolean =>
  actor.access !== undefined &&
  drafts.some(({ change }) => {
    if (limitOf(actor, change.type, NEEDS[change.method]) !== 'all') return true;
    if (change.method === 'create') return false;
    const resource = resourceOf(change);
    return !resource || narrowTargets(context, actor, resource).length > 0;
  });

/** What it refers to of types of which the actor does not see all. */
const narrowTargets = (context: Context, actor: Actor, resource: Resource): string[] =>
  [...localTargets(context, resource)].filter((target) => !isOpen(actor, typeOf(target)));

const typeOf = (target: string): string => target.slice(0, target.indexOf('/'));

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
 *   has it must not be told, so such actors do not create by PUT under ids of their own
 */
export async function permitStanding(
  parts: Parts,
  acting: readonly Draft[],
  known: Known,
): Promise<Known> {
  const { actor } = parts;
  if (!actor.access) return known;
  const seen = new Map(known);
  for (const name of await outOfReach(parts, acting, known)) seen.delete(name);
  for (const draft of acting) {
    const { change } = draft;
    if (change.method !== 'update' || isThere(seen.get(nameOf(draft))) || isNew(draft)) continue;
    const { type, path } = change;
    const [update, create] = [limitOf(actor, type, 'u'), limitOf(actor, type, 'c')];
    if (update === 'none') throw forbidden(type, 'u', path);
    if (update === 'all' && create === 'none') throw forbidden(type, 'c', path);
    if (update !== 'all' || create !== 'all') throw notFound(type, draft.id as string, path);
  }
  return seen;
}

const nameOf = ({ change, id }: Draft): string => `${change.type}/${id}`;

/** A conditional update that matches nothing and leaves the id to the server. */
const isNew = ({ change, id, ids, ownId }: Draft): boolean =>
  change.method === 'update' && change.id === undefined && ids.length === 0 && id !== ownId;

/** Where nobody looked, the client says that it is there. */
const isThere = (standing: Standing | undefined): boolean =>
  standing?.current !== undefined || standing?.supposed === true;

/**
 * The resources that the actor may not change so. The match of a conditional create is none of them:
 * it could be searched for.
 * @throws Overtaken where one has changed since its standing was looked up, and so perhaps its owner
 */
async function outOfReach(
  { context, run, actor }: Parts,
  acting: readonly Draft[],
  known: Known,
): Promise<string[]> {
  const groups = Map.groupBy(
    acting.filter(({ change }) => change.method !== 'create'),
    ({ change }) => `${NEEDS[change.method]} ${change.type}`,
  );
  const out: string[] = [];
  for (const [key, drafts] of groups) {
    const [needed, type] = key.split(' ') as [Interaction, string];
    const ids = drafts.flatMap(idsOf);
    const limit = limitOf(actor, type, needed);
    if (limit === 'all') continue;
    const keyOf = (id: string): string => String(context.hasher.row(type, id));
    const versions = await fitting(context, run, ids.map(keyOf), withinLimit(type, limit));
    for (const id of ids) {
      const name = `${type}/${id}`;
      const version = versions.get(keyOf(id));
      if (version === undefined) out.push(name);
      else if (version !== known.get(name)?.version) throw new Overtaken();
    }
  }
  return out;
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
  const contents = contentsOf(drafts);
  const written = new Map([...contents].map(([draft, own]) => [nameOf(draft), own]));
  const looks: Looks = { context, run: looking(parts), written, known: new Map() };
  const targets = new Map<string, Draft>();
  for (const [draft, own] of contents) {
    const { change } = draft;
    const { type } = change;
    const exists = isThere(known.get(nameOf(draft)));
    const interaction = change.method === 'create' || !exists ? 'c' : 'u';
    const limit = limitOf(actor, type, interaction);
    if (limit === 'none') throw forbidden(type, interaction, change.path);
    if (limit !== 'all' && (await fitsContent(looks, own, limit)) !== true) throw outside(change);
    if (limit === 'all' && seesAll(context, actor)) continue;
    // What the limit itself names is known to whom it is for, e.g. the patient of a launch; what it
    // referred to before may stay.
    const named = limit === 'all' ? new Set<string>() : namedBy(limit);
    const before = targetsBefore(context, known.get(nameOf(draft)), draft.veil);
    for (const target of localTargets(context, draft.shown ?? own)
      .difference(named)
      .difference(before)) {
      targets.set(target, draft);
    }
  }
  for (const name of written.keys()) targets.delete(name);
  await permitTargets(parts, targets);
}

/** Of the accesses met: they last for many requests. */
const wide = new WeakMap<object, boolean>();

/** Whether whatever is referred to is within sight; AuditEvents, which systems only add, aside. */
function seesAll({ definitions }: Parts['context'], actor: Actor): boolean {
  const { access } = actor;
  if (!access) return true;
  const known = wide.get(access);
  if (known !== undefined) return known;
  const all = definitions.resourceTypes.every(
    (type) => type === AUDIT_EVENT || isOpen(actor, type),
  );
  wide.set(access, all);
  return all;
}

/** Without what is hidden: it must make no difference to what may be referred to. */
function targetsBefore(
  context: Context,
  standing: Standing | undefined,
  veil: Outline = new Map(),
): ReadonlySet<string> {
  const { content } = standing?.current ?? {};
  if (!content) return new Set();
  return localTargets(context, without(asResource(parseJson(content)), veil) as Resource);
}

/** What would be stored, under the ids that it would get. */
function contentsOf(drafts: readonly Draft[]): Map<Draft, Resource> {
  const contents = new Map<Draft, Resource>();
  for (const draft of drafts) {
    const resource = draft.patched ?? resourceOf(draft.change);
    if (!resource || draft.matched || draft.sameAs) continue;
    contents.set(draft, draft.id === undefined ? resource : { ...resource, id: draft.id });
  }
  return contents;
}

/** The resources that a limit requires to be referred to. */
function namedBy(term: Term): ReadonlySet<string> {
  switch (term.kind) {
    case 'references':
      return new Set(term.targets);
    case 'any':
    case 'all':
      return new Set(term.terms.flatMap((one) => [...namedBy(one)]));
    case 'about':
      return new Set(term.of.flatMap(idsIn));
    default:
      return new Set();
  }
}

function idsIn({ types, term }: { types: readonly string[]; term?: Term }): string[] {
  if (term?.kind !== 'id') return [];
  return term.ids.flatMap((id) => types.map((type) => `${type}/${id}`));
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

/** Outside of a transaction on connections that have the statements planned already. */
const looking = ({ context, run, inside }: Parts): Run => (inside ? run : context.db.steady);

async function permitTargets(parts: Parts, targets: ReadonlyMap<string, Draft>): Promise<void> {
  const { context, actor } = parts;
  // Who may see all of a type is told nothing by a reference that leads nowhere.
  const asked = [...targets.keys()].filter((target) => !isOpen(actor, typeOf(target)));
  if (asked.length === 0) return;
  const named = asked.map((target) => ({
    type: typeOf(target),
    key: String(context.hasher.target(target)),
  }));
  const found = await readable({ context, run: looking(parts) }, actor, named);
  const missing = asked.filter((_, i) => !found.has(named[i]?.key as string));
  if (missing.length === 0) return;
  const issues = missing.map((target) => dangling(targets.get(target) as Draft, target, 'error'));
  throw new FhirError('unprocessable', issues);
}

/**
 * The results without contents that the actor may not read: those that a patch or a conditional create
 * found, and that nobody sent. Never throws, as all is stored by then.
 */
export async function withoutUnreadable(
  context: Context,
  actor: Actor,
  { drafts, results }: { drafts: readonly Draft[]; results: ChangeResult[] },
): Promise<ChangeResult[]> {
  if (!actor.access) return results;
  const found = results.flatMap(({ version }, i) => {
    const wasSent = drafts[i]?.change.method !== 'patch' && !drafts[i]?.matched;
    return version && !wasSent && !isOpen(actor, version.type) ? [version] : [];
  });
  if (found.length === 0) return results;
  const looks: Looks = { context, run: context.db.tuples };
  const shown = await readableOf(looks, actor, found).catch(() => new Set<Version>());
  const unreadable = new Set(found).difference(shown);
  return results.map((result) =>
    result.version && unreadable.has(result.version)
      ? { ...result, version: { ...result.version, content: '' } }
      : result,
  );
}

/** Others may have written meanwhile: then the version is judged by itself. */
async function readableOf(
  looks: Looks,
  actor: Actor,
  versions: readonly Version[],
): Promise<Set<Version>> {
  const { context, run } = looks;
  const keyOf = ({ type, id }: Version): string => String(context.hasher.row(type, id));
  const named = versions.map((version) => ({ type: version.type, key: keyOf(version) }));
  const seen = await readable({ context, run: run }, actor, named);
  const shown = new Set<Version>();
  for (const version of versions) {
    const limit = limitOf(actor, version.type, 'r', 's');
    if (typeof limit === 'string') continue;
    const stands = seen.get(keyOf(version)) === version.version;
    const own = stands ? undefined : (parseJson(version.content) as Resource);
    if (!own || (await fitsContent(looks, own, limit)) === true) shown.add(version);
  }
  return shown;
}
