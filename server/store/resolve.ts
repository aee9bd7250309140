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
import { type Draft, refusal } from './draft.ts';
import type { Reader } from './read.ts';
import type { Actor, CommitOptions } from './store.ts';

export interface Parts {
  context: Context;
  reader: Reader;
  run: Run;
  /** True where `run` is inside a database transaction: other connections must not be awaited. */
  inside: boolean;
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
  const matches = await matchCriteria(
    parts.context,
    parts.run,
    parts.actor,
    conditional.map(({ change, criterion }) => ({
      criterion: criterion as Criterion,
      most:
        change.method === 'delete' && change.multiple
          ? MAX_CONDITIONAL_DELETE + 1
          : ONE_AND_ANOTHER,
    })),
  );
  for (const draft of drafts) reset(draft);
  for (const [i, draft] of conditional.entries()) choose(draft, matches[i] ?? []);
  joinRepeated(conditional);
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
  applyLinks(plan, await resolveConditions(parts, plan.links.conditions));
}

function reset(draft: Draft): void {
  const { change } = draft;
  draft.matched = false;
  draft.ids = [];
  delete draft.sameAs;
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
  } else {
    const own = change.resource.id;
    if (id !== undefined && own !== undefined && own !== id) {
      const why = `"${text}" matches ${change.type}/${id}, but the resource has the id ${own}. Leave it out.`;
      throw refusal('invalid', change, 'value', why);
    }
    draft.id = id ?? own ?? draft.newId;
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

/** The same conditional create twice in one commit is one resource (Synthea repeats providers). */
function joinRepeated(conditional: readonly Draft[]): void {
  const first = new Map<string, Draft>();
  for (const draft of conditional) {
    if (draft.change.method !== 'create' || !draft.criterion) continue;
    const other = first.get(draft.criterion.key);
    if (!other) first.set(draft.criterion.key, draft);
    else {
      draft.sameAs = other;
      if (other.id !== undefined) draft.id = other.id;
    }
  }
}

function tellEntry({ entry, change, id }: Draft): void {
  if (!entry) return;
  entry.type = change.type;
  if (id === undefined) delete entry.id;
  else entry.id = id;
}

/** Conditional references: each must match exactly one resource. All faults at once. */
async function resolveConditions(
  parts: Parts,
  conditions: NonNullable<CommitOptions['plan']>['links']['conditions'],
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
      return [{ text, criterion, most: ONE_AND_ANOTHER }];
    } catch (error) {
      if (!(error instanceof FhirError)) throw error;
      issues.push(...error.issues.map((issue) => ({ ...issue, ...at(text) })));
      return [];
    }
  });
  const matches = await matchCriteria(parts.context, parts.run, parts.actor, criteria);
  const resolved = new Map<string, string>();
  criteria.forEach(({ text, criterion }, i) => {
    const found = matches[i] ?? [];
    if (found.length === 1) resolved.set(text, `${criterion.type}/${found[0]}`);
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
