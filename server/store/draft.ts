import type { PlannedEntry } from '../fhir/bundle.ts';
import { FhirError } from '../fhir/error.ts';
import type { Resource } from '../fhir/types.ts';
import type { Outline } from './access-element-paths.ts';
import type { Context } from './context.ts';
import { type Criterion, parseCriterion } from './criteria.ts';
import type { Change, CommitOptions } from './store.ts';

/** A change on its way: what is known of it so far in the present attempt. */
export interface Draft {
  change: Change;
  criterion?: Criterion;
  /** The entry of the plan that it came from, whose id the links of the bundle follow. */
  entry?: PlannedEntry;
  /** The id that the sender's resource had; attempts write theirs into the resource. */
  ownId?: string;
  /** The id it would get if it creates; made once, so that links stay the same in each attempt. */
  newId: string;
  /** The resource it acts on. Absent: nothing matched, and nothing is created. */
  id?: string;
  /** What a patch makes of its resource. */
  patched?: Resource;
  /** What the actor does not see of the resource that it changes. */
  veil?: Outline;
  /** The patched resource as the actor sees it, where it does not see all of it. */
  shown?: Resource;
  /** All matches of a conditional delete; the match of a conditional update or patch. */
  ids: string[];
  /** A conditional create that matched: `id` is there already and stays as it is. */
  matched: boolean;
  /** A conditional create that repeats another one of this commit: its result is the other's. */
  sameAs?: Draft;
}

/**
 * Begins a commit: parses criteria once for all attempts.
 * @throws FhirError invalid and precondition for faulty criteria, naming the entry
 */
export function draftAll(
  context: Context,
  changes: readonly Change[],
  { plan }: CommitOptions,
): Draft[] {
  const entries = new Map(plan?.entries.map((entry) => [`Bundle.entry[${entry.index}]`, entry]));
  return changes.map((change) => {
    const entry = change.path === undefined ? undefined : entries.get(change.path);
    const draft: Draft = {
      change,
      newId: entry?.id ?? context.newId(),
      ids: [],
      matched: false,
      ...(entry && { entry }),
    };
    const ownId = resourceOf(change)?.id;
    if (ownId !== undefined) draft.ownId = ownId;
    const text = change.method === 'create' ? change.ifNoneExist : change.criteria;
    if (text !== undefined) draft.criterion = criterionAt(context, change, text);
    return draft;
  });
}

function criterionAt(context: Context, change: Change, text: string): Criterion {
  try {
    return parseCriterion(context, change.type, text);
  } catch (error) {
    if (!(error instanceof FhirError) || change.path === undefined) throw error;
    const member = change.method === 'create' ? 'ifNoneExist' : 'url';
    const expression = `${change.path}.request.${member}`;
    throw new FhirError(
      error.kind,
      error.issues.map((issue) => ({ ...issue, expression })),
    );
  }
}

/** A refusal that names the entry of a bundle it is about. */
export function refusal(
  kind: ConstructorParameters<typeof FhirError>[0],
  change: Change,
  code: string,
  diagnostics: string,
): FhirError {
  const issue = { severity: 'error' as const, code, diagnostics };
  return new FhirError(kind, [change.path ? { ...issue, expression: change.path } : issue]);
}

/** The ids a draft acts on: its matches, or the one it names or would get. */
export function idsOf({ id, ids }: Draft): readonly string[] {
  return ids.length > 0 || id === undefined ? ids : [id];
}

/** The resource a change brings, if it brings one. */
export function resourceOf(change: Change): Resource | undefined {
  return change.method === 'create' || change.method === 'update' ? change.resource : undefined;
}
