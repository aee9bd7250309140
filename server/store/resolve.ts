import { applyLinks, overlaps, spotPath } from '../fhir/bundle.ts';
import { FhirError } from '../fhir/error.ts';
import type { Issue } from '../fhir/types.ts';
import type { Context, Run } from './context.ts';
import {
  type Criterion,
  MAX_CONDITIONAL_DELETE,
  matchCriteria,
  parseCriterion,
} from './criteria.ts';
import { type Draft, idsOf, refusal } from './draft.ts';
import type { Reader } from './read.ts';
import type { Actor, CommitOptions } from './store.ts';

export interface Parts {
  context: Context;
  reader: Reader;
  run: Run;
  /** True where `run` is inside a database transaction: other connections must not be awaited. */
  inside: boolean;
  /** Whether an If-Match may be believed until the statement shows that it was wrong. */
  supposes: boolean;
  actor: Actor;
}

/** Two matches show that there is more than one. */
const ONE_AND_ANOTHER = 2;

/**
 * Finds out which resources the changes are about (R4 3.1.0.11.2): criteria against what is stored,
 * then the links between entries and conditional references.
 * @throws FhirError precondition, multiple-matches, not-found, invalid
 */
export async function resolveDrafts(
  parts: Parts,
  drafts: readonly Draft[],
  { plan }: CommitOptions,
): Promise<void> {
  const conditional = drafts.filter((draft) => draft.criterion);
  for (const draft of drafts) reset(draft);
  // Most commits are one change to one resource; nothing below is about those.
  if (drafts.length === 1 && conditional.length === 0 && !plan) return;
  const gone = await matchAll(parts, drafts);
  joinRepeated(conditional);
  if (drafts.length > 1) refuseDeleted(drafts);
  if (!plan) return;
  for (const draft of drafts) tellEntry(draft);
  const resolved = new Set(conditional.flatMap(({ entry }) => (entry ? [entry.index] : [])));
  const joined = new Set(
    conditional.flatMap(({ entry, sameAs, matched }) =>
      entry && (sameAs || matched) ? [entry] : [],
    ),
  );
  const clashes = overlaps(
    plan.entries.filter((entry) => !joined.has(entry)),
    resolved,
  );
  if (clashes.length > 0) throw new FhirError('invalid', clashes);
  applyLinks(plan, await resolveConditions(parts, plan.links.conditions, { drafts, gone }));
}

/**
 * Deletions come first (R4 3.1.0.11.2): the criteria of other entries do not see what they remove.
 * Answers `Type/id` of all that is removed.
 */
async function matchAll(parts: Parts, drafts: readonly Draft[]): Promise<Set<string>> {
  const gone = new Set<string>();
  const removing = drafts.filter(({ change }) => change.method === 'delete');
  if (removing.length > 0) {
    await match(parts, removing, gone);
    for (const draft of removing) {
      for (const id of idsOf(draft)) gone.add(`${draft.change.type}/${id}`);
    }
  }
  const others = drafts.filter(({ change }) => change.method !== 'delete');
  await match(parts, others, gone);
  return gone;
}

async function match(
  parts: Parts,
  drafts: readonly Draft[],
  gone: ReadonlySet<string>,
): Promise<void> {
  const conditional = drafts.filter((draft) => draft.criterion);
  const found = await matchCriteria(
    parts.context,
    parts.run,
    parts.actor,
    conditional.map(({ change, criterion }) => ({
      criterion: criterion as Criterion,
      most:
        change.method === 'delete' && change.multiple
          ? MAX_CONDITIONAL_DELETE + 1
          : ONE_AND_ANOTHER + gone.size,
    })),
  );
  for (const [i, draft] of conditional.entries()) {
    choose(draft, without(gone, draft.change.type, found[i] ?? []));
  }
}

const without = (gone: ReadonlySet<string>, type: string, ids: string[]): string[] =>
  gone.size === 0 ? ids : ids.filter((id) => !gone.has(`${type}/${id}`));

function reset(draft: Draft): void {
  const { change } = draft;
  draft.matched = false;
  draft.ids = [];
  delete draft.sameAs;
  delete draft.patched;
  if (change.method === 'create') draft.id = draft.newId;
  else if (change.id !== undefined) draft.id = change.id;
  else delete draft.id;
}

/** What the matches of a criterion mean for the change (R4 3.1.0.4.3, .6.1, .7.1, .8.1). */
function choose(draft: Draft, ids: string[]): void {
  const { change } = draft;
  const text = draft.criterion?.text.slice(0, 200);
  if (change.method === 'delete') return chooseDeleted(draft, ids);
  if (ids.length > 1) {
    const advice = 'Narrow the criteria down to one resource.';
    throw refusal(
      'multiple-matches',
      change,
      'multiple-matches',
      `"${text}" matches several. ${advice}`,
    );
  }
  const [id] = ids;
  if (change.method === 'create') {
    draft.matched = id !== undefined;
    draft.id = id ?? draft.newId;
  } else if (change.method === 'patch') {
    if (id === undefined)
      throw refusal('not-found', change, 'not-found', `"${text}" matches nothing.`);
    draft.id = id;
    draft.ids = ids;
  } else {
    const own = draft.ownId;
    if (id !== undefined && own !== undefined && own !== id) {
      const why = `"${text}" matches ${change.type}/${id}, but the resource has the id ${own}. Leave it out.`;
      throw refusal('invalid', change, 'value', why);
    }
    draft.id = id ?? own ?? draft.newId;
    draft.ids = ids;
  }
}

function chooseDeleted(draft: Draft, ids: string[]): void {
  const { change } = draft;
  const text = draft.criterion?.text.slice(0, 200);
  const many = change.method === 'delete' && change.multiple;
  if (!many && ids.length > 1) {
    throw refusal(
      'multiple-matches',
      change,
      'multiple-matches',
      `"${text}" matches several resources.`,
    );
  }
  if (ids.length > MAX_CONDITIONAL_DELETE) {
    const why = `"${text}" matches more than ${MAX_CONDITIONAL_DELETE} resources; delete them in parts.`;
    throw refusal('precondition', change, 'too-costly', why);
  }
  draft.ids = ids;
  const [id] = ids;
  if (id !== undefined) draft.id = id;
}

/**
 * The same conditional create twice in one commit is one resource (Synthea repeats providers). An
 * update by a criterion under which the commit already creates would make a second one.
 * @throws FhirError invalid
 */
function joinRepeated(conditional: readonly Draft[]): void {
  const first = new Map<string, Draft>();
  for (const draft of conditional) {
    const { change, criterion } = draft;
    if (!criterion || (change.method !== 'create' && change.method !== 'update')) continue;
    const other = first.get(criterion.key);
    if (!other) first.set(criterion.key, draft);
    else if (change.method === 'create' && other.change.method === 'create') {
      draft.sameAs = other;
      if (other.id !== undefined) draft.id = other.id;
    } else if (other.id !== draft.id) {
      const why = `"${criterion.text.slice(0, 200)}" creates a resource in another entry already.`;
      throw refusal('invalid', change, 'business-rule', `${why} Merge the entries.`);
    }
  }
}

/**
 * What one entry deletes no other may change, match or delete too (R4 3.1.0.11.2: resource identities
 * may not overlap, those found by criteria included).
 * @throws FhirError invalid
 */
function refuseDeleted(drafts: readonly Draft[]): void {
  const deleted = new Set<string>();
  const overlap = ({ change }: Draft, id: string): FhirError => {
    const why = `Another entry deletes ${change.type}/${id}. Send them one after the other.`;
    return refusal('invalid', change, 'business-rule', why);
  };
  for (const draft of drafts) {
    if (draft.change.method !== 'delete') continue;
    for (const id of idsOf(draft)) {
      const key = `${draft.change.type}/${id}`;
      if (deleted.has(key)) throw overlap(draft, id);
      deleted.add(key);
    }
  }
  for (const draft of drafts) {
    const { change, id } = draft;
    if (change.method === 'delete' || id === undefined) continue;
    if (deleted.has(`${change.type}/${id}`)) throw overlap(draft, id);
  }
}

function tellEntry({ entry, change, id }: Draft): void {
  if (!entry) return;
  entry.type = change.type;
  if (id === undefined) delete entry.id;
  else entry.id = id;
}

/**
 * Conditional references: each must match exactly one resource, or the entry that creates one under
 * the same criteria. All faults at once.
 */
async function resolveConditions(
  parts: Parts,
  conditions: NonNullable<CommitOptions['plan']>['links']['conditions'],
  { drafts, gone }: { drafts: readonly Draft[]; gone: ReadonlySet<string> },
): Promise<Map<string, string>> {
  const texts = [...conditions.keys()];
  const issues: Issue[] = [];
  const at = (text: string) => {
    const [spot] = conditions.get(text) ?? [];
    return spot ? { expression: spotPath(spot) } : {};
  };
  const criteria = texts.flatMap((text) => {
    const mark = text.indexOf('?');
    try {
      const criterion = parseCriterion(parts.context, text.slice(0, mark), text.slice(mark + 1));
      return [{ text, criterion, most: ONE_AND_ANOTHER + gone.size }];
    } catch (error) {
      if (!(error instanceof FhirError)) throw error;
      issues.push(...error.issues.map((issue) => ({ ...issue, ...at(text) })));
      return [];
    }
  });
  const matches = await matchCriteria(parts.context, parts.run, parts.actor, criteria);
  const made = new Map(
    drafts.flatMap(({ change, criterion, id }) =>
      criterion && id !== undefined && change.method !== 'delete' ? [[criterion.key, id]] : [],
    ),
  );
  const resolved = new Map<string, string>();
  criteria.forEach(({ text, criterion }, i) => {
    const found = without(gone, criterion.type, matches[i] ?? []);
    const id = found[0] ?? made.get(criterion.key);
    if (found.length < 2 && id !== undefined) resolved.set(text, `${criterion.type}/${id}`);
    else {
      const several = found.length > 1;
      issues.push({
        severity: 'error',
        code: several ? 'multiple-matches' : 'not-found',
        diagnostics:
          `The conditional reference "${text.slice(0, 200)}" matches ` +
          (several ? 'several resources; narrow it down.' : 'nothing; store its target first.'),
        ...at(text),
      });
    }
  });
  if (issues.length > 0) throw new FhirError('precondition', issues);
  return resolved;
}
