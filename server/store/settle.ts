import { FhirError } from '../fhir/error.ts';
import type { Issue } from '../fhir/types.ts';
import { permitElements, veilDrafts } from './access-element-write.ts';
import { permitContents, permitStanding } from './access-write.ts';
import { type Decision, decide } from './decide.ts';
import { type Draft, idsOf } from './draft.ts';
import { checkTargets } from './integrity.ts';
import type { Parts } from './resolve.ts';
import type { Standing } from './rows.ts';
import type { Change, ChangeResult, CommitOptions } from './store.ts';
import { Turn } from './turn.ts';
import type { Writes } from './write.ts';

/** Where resources stand, by `Type/id`. */
export type Known = ReadonlyMap<string, Standing>;

/**
 * Decides what each change writes: versions, no-ops, patches, refusals; validates what will be
 * stored. Nothing is written here.
 * @throws FhirError of the first refusal, or invalid with the faults of all resources
 */
export async function settle(
  parts: Parts,
  drafts: readonly Draft[],
  options: CommitOptions,
): Promise<{ writes: Writes; results: ChangeResult[] }> {
  const turn = new Turn();
  await validateAll(parts, drafts, options, turn);
  const acting = drafts.filter(
    ({ change, matched, sameAs }) => !sameAs && (change.method !== 'create' || matched),
  );
  const stands = acting.length > 0 ? await lookUp(parts, acting) : new Map<string, Standing>();
  const known = await permitStanding(parts, acting, stands);
  await veilDrafts(parts, acting, known);
  const decisions = await decideAll(parts, drafts, { known, turn });
  await permitElements(parts, drafts, known);
  await permitContents(parts, drafts, known);
  const writes: Writes = { inserts: [], updates: [], removals: [], foreign: [] };
  const results = new Map<Draft, ChangeResult>();
  for (const draft of drafts) {
    const decision = decisions.get(draft);
    if (!decision) continue;
    const { result, write } = decision;
    write?.(writes);
    results.set(draft, result);
  }
  if (parts.context.integrity !== 'off') {
    for (const [draft, issues] of await checkTargets(parts, drafts)) {
      results.set(draft, { ...(results.get(draft) as ChangeResult), issues });
    }
  }
  for (const draft of drafts) {
    if (!draft.sameAs) continue;
    const first = results.get(draft.sameAs) as ChangeResult;
    results.set(draft, { ...first, status: 200, changed: false });
  }
  return { writes, results: drafts.map((draft) => results.get(draft) as ChangeResult) };
}

/** Decides all but repeated creates. */
async function decideAll(
  { context }: Parts,
  drafts: readonly Draft[],
  { known, turn }: { known: Known; turn: Turn },
): Promise<Map<Draft, Decision>> {
  const decisions = new Map<Draft, Decision>();
  for (const draft of drafts) {
    if (draft.sameAs) continue;
    const pause = turn.over();
    if (pause) await pause;
    decisions.set(draft, decide(context, draft, known));
  }
  return decisions;
}

/** After so many faults the rest of a commit is not looked at; a single resource is told all. */
const MAX_ISSUES = 1000;

/** Faults of all resources in one OperationOutcome. */
async function validateAll(
  { context }: Parts,
  drafts: readonly Draft[],
  { plan }: CommitOptions,
  turn: Turn,
): Promise<void> {
  const issues: Issue[] = [];
  for (const { change, matched, sameAs } of drafts) {
    if (issues.length > MAX_ISSUES) {
      issues.push(further(change));
      break;
    }
    const pause = turn.over();
    if (pause) await pause;
    if (matched || sameAs || (change.method !== 'create' && change.method !== 'update')) continue;
    const path = plan && change.path ? { path: `${change.path}.resource` } : {};
    issues.push(...context.validate(change.resource, path));
    const named = change.resource.resourceType;
    if (named !== change.type) issues.push(wrongType(change.type, named));
  }
  if (issues.length > 0) throw new FhirError('invalid', issues);
}

function further({ path }: Change): Issue {
  const diagnostics = `From ${path} on nothing was checked: mend these faults first.`;
  return { severity: 'error', code: 'invalid', diagnostics };
}

function wrongType(type: string, named: string): Issue {
  return {
    severity: 'error',
    code: 'value',
    diagnostics: `A ${named} cannot be stored under ${type}; send it to ${named}.`,
    expression: `${named}.resourceType`,
  };
}

const VERSION = /^[1-9][0-9]{0,8}$/;

/**
 * An update alone that names the one version it replaces needs no look beforehand: its statement
 * compares, and leaves all as it is where the client was wrong or nothing would change.
 */
function supposition([draft, ...others]: readonly Draft[]): Known | undefined {
  if (draft?.change.method !== 'update' || others.length > 0) return undefined;
  const { type, id, ifMatch = [], criteria, mustNotExist = false } = draft.change;
  const [version = ''] = ifMatch;
  if (id === undefined || criteria !== undefined || mustNotExist) return undefined;
  if (ifMatch.length !== 1 || !VERSION.test(version)) return undefined;
  return new Map([[`${type}/${id}`, { id, version: Number(version), vid: 0n, supposed: true }]]);
}

/** One statement for all that is not a create with a new id. */
async function lookUp(parts: Parts, acting: readonly Draft[]): Promise<Known> {
  const { reader, run, inside } = parts;
  const supposed = parts.supposes && supposition(acting);
  if (supposed) return supposed;
  const targets = acting.flatMap((draft) =>
    idsOf(draft).map((id) => ({ type: draft.change.type, id })),
  );
  const withTexts = acting.some(({ change }) => change.method !== 'delete');
  const [only] = targets;
  const found =
    only && targets.length === 1 && !inside
      ? [await reader.standing(only.type, only.id)]
      : await reader.standings(run, targets, withTexts);
  return new Map(
    targets.flatMap(({ type, id }, i) => {
      const standing = found[i];
      return standing ? [[`${type}/${id}`, standing] as const] : [];
    }),
  );
}
