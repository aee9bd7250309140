import type { Definitions } from '../fhir/definitions.ts';
import { FhirError } from '../fhir/error.ts';
import { asResource, deepEqual, parseJson } from '../fhir/json.ts';
import { applyPatch } from '../fhir/patch.ts';
import type { JsonObject, Resource } from '../fhir/types.ts';
import { type Rule, ruleTerm } from './access.ts';
import {
  hiddenBy,
  isChanged,
  type Outline,
  outlineOf,
  partOf,
  pathOf,
  without,
} from './access-element-paths.ts';
import { type Eyes, eyesOnCurrent, fittingRules, outlinesOf, veiled } from './access-elements.ts';
import { fitsContent, type Looks } from './access-fits.ts';
import type { Context } from './context.ts';
import { type Draft, resourceOf } from './draft.ts';
import type { Parts } from './resolve.ts';
import type { Known } from './settle.ts';
import type { Actor, Change, ChangeResult, PatchChange, Version } from './store.ts';

/** Writes by those who do not see all of a resource, or may not change all of it. */

/** Whether it hangs on what is stored which elements of these types may be changed. */
export const treatsElements = ({ access }: Actor, drafts: readonly Draft[]): boolean =>
  access !== undefined &&
  drafts.some(({ change }) =>
    access
      .rules(change.type)
      .some(({ hidden = [], readOnly = [] }) => hidden.length + readOnly.length > 0),
  );

/** For what is looked at while it is about to be written. */
const eyesWithin = ({ context, run, actor }: Parts): Eyes => ({
  ...{ context, run, actor, known: new Map() },
});

/**
 * Finds out what the actor does not see of what it is about to change.
 * @throws FhirError forbidden for an update of something that it does not see as a whole: it would be
 *   erased
 */
export async function veilDrafts(
  parts: Parts,
  acting: readonly Draft[],
  known: Known,
): Promise<void> {
  for (const draft of acting) {
    delete draft.veil;
    delete draft.shown;
  }
  if (!treatsElements(parts.actor, acting)) return;
  const standing = standingOf(acting, known);
  const outlines = await outlinesOf(eyesWithin(parts), [...standing.values()]);
  for (const [draft, version] of standing) {
    const veil = outlines.get(version);
    if (!veil) continue;
    if (draft.change.method === 'update') throw wouldErase(draft.change, draft.id as string);
    draft.veil = veil;
  }
}

/** The current versions that would be replaced. */
function standingOf(drafts: readonly Draft[], known: Known): Map<Draft, Version> {
  const standing = new Map<Draft, Version>();
  for (const draft of drafts) {
    const { change, id } = draft;
    const current = known.get(`${change.type}/${id}`)?.current;
    const replaces = change.method === 'update' || change.method === 'patch';
    if (current && replaces && !draft.sameAs) standing.set(draft, current);
  }
  return standing;
}

const forbiddenAt = (expression: string, diagnostics: string): FhirError =>
  new FhirError('forbidden', [{ severity: 'error', code: 'forbidden', diagnostics, expression }]);

const wouldErase = ({ type, path }: Change, id: string): FhirError =>
  forbiddenAt(
    path ?? type,
    `You do not see all of ${type}/${id}, so to replace it would erase what you do not see. ` +
      'Change what you see with PATCH.',
  );

/**
 * A patch as if what its sender does not see were not there: its paths and tests find nothing of it,
 * and all of it stays.
 * @throws FhirError forbidden where it would write there, unprocessable where it does not fit the rest
 */
export function patchVeiled(
  definitions: Definitions,
  draft: Draft & { veil: Outline },
  { patch, type, path }: PatchChange,
  before: Resource,
): Resource {
  const { veil } = draft;
  const shown = without(before, veil) as Resource;
  const after = applyPatch(patch, shown, definitions);
  for (const name of Object.keys({ ...shown, ...after })) {
    const part = partOf(veil, name);
    if (part === undefined || deepEqual(shown[name], after[name])) continue;
    throw forbiddenAt(
      path ?? `${type}.${name}`,
      `You do not see all of ${type}.${name}, so you may not change it. Leave it out of the patch.`,
    );
  }
  draft.shown = after;
  return merged(before, after, veil);
}

function merged(before: Resource, after: JsonObject, veil: Outline): Resource {
  const own = (name: string): boolean => partOf(veil, name) === undefined;
  const kept = Object.entries(before).filter(([name]) => !own(name) || name in after);
  return Object.fromEntries([
    ...kept.map(([name, value]) => [name, own(name) ? after[name] : value]),
    ...Object.entries(after).filter(([name]) => !(name in before)),
  ]) as Resource;
}

/** An element that may not be changed by a rule. */
interface Lock {
  name: string;
  outline: Outline;
}

/**
 * The change must be within what one of the rules that fit before allows, and one of those that fit
 * after it.
 * @throws FhirError forbidden naming an element that may not be changed
 */
export async function permitElements(
  parts: Parts,
  drafts: readonly Draft[],
  known: Known,
): Promise<void> {
  const { actor } = parts;
  if (!treatsElements(actor, drafts)) return;
  const written = new Map(
    drafts.flatMap((draft) => {
      const after = contentOf(draft);
      return after ? [[`${draft.change.type}/${draft.id}`, after] as const] : [];
    }),
  );
  const looks: Looks = { ...eyesWithin(parts), written };
  for (const [draft, before] of standingOf(drafts, known)) {
    await permitChange({ looks, actor }, draft, before);
  }
}

const contentOf = ({ patched, change, id }: Draft): Resource | undefined => {
  const resource = patched ?? resourceOf(change);
  return resource && id !== undefined ? { ...resource, id } : resource;
};

async function permitChange(
  { looks, actor }: { looks: Looks; actor: Actor },
  draft: Draft,
  version: Version,
): Promise<void> {
  const { change } = draft;
  const { definitions } = looks.context;
  const { type } = change;
  const after = contentOf(draft);
  const rules = (actor.access?.rules(type) ?? []).filter((rule) => rule.interactions.has('u'));
  if (!after || !rules.some(isLocking)) return;
  const before = asResource(parseJson(version.content));
  const broken = new Map(
    rules.map((rule) => [
      rule,
      locksOf(definitions, type, rule).find(({ outline }) => isChanged(before, after, outline)),
    ]),
  );
  const free = rules.filter((rule) => !broken.get(rule));
  if (free.length === rules.length) return;
  if (await fitsOne({ looks, free }, version, after)) return;
  const { name = type } = [...broken.values()].find((lock) => lock) ?? {};
  throw forbiddenAt(
    change.path ? `${change.path}.resource` : `${type}.${name}`,
    `You may not change ${type}.${name}. Send it as it is; nothing was stored.`,
  );
}

const isLocking = ({ hidden = [], readOnly = [] }: Rule): boolean =>
  hidden.length + readOnly.length > 0;

function locksOf(definitions: Definitions, type: string, rule: Rule): Lock[] {
  const { readOnly = [] } = rule;
  const paths = [
    ...readOnly.map((text) => pathOf(definitions, type, text)),
    ...hiddenBy(definitions, type, rule),
  ];
  return paths.map((path) => ({
    name: path.join('.'),
    outline: outlineOf(definitions, type, [path]),
  }));
}

/** Whether one of the rules that allow the change fits what is there, and one what would be. */
async function fitsOne(
  { looks, free }: { looks: Looks; free: readonly Rule[] },
  before: Version,
  after: Resource,
): Promise<boolean> {
  if (free.length === 0) return false;
  const fits = await fittingRules(looks, free, [before]);
  if (fits.get(before)?.size === 0) return false;
  for (const rule of free) {
    if (rule.where.length === 0) return true;
    if ((await fitsContent(looks, after, ruleTerm(rule))) === true) return true;
  }
  return false;
}

/** The results as the actor sees them. */
export async function veiledResults(
  context: Context,
  actor: Actor,
  results: ChangeResult[],
): Promise<ChangeResult[]> {
  if (!actor.access) return results;
  const versions = results.flatMap(({ version }) => version ?? []);
  const seen = await veiled(eyesOnCurrent(context, actor), versions);
  const shown = new Map(versions.map((version, i) => [version, seen[i] as Version]));
  return results.map((result) =>
    result.version ? { ...result, version: shown.get(result.version) ?? result.version } : result,
  );
}
