import { FhirError } from '../fhir/error.ts';
import type { Issue } from '../fhir/types.ts';
import { type Decision, decide } from './decide.ts';
import type { Draft } from './draft.ts';
import { checkTargets } from './integrity.ts';
import type { Parts } from './resolve.ts';
import type { Standing } from './rows.ts';
import type { Change, ChangeResult, CommitOptions, Version } from './store.ts';
import { Turn } from './turn.ts';
import type { Writes } from './write.ts';

/** Where resources stand, by `Type/id`. */
export interface Known {
  standings: ReadonlyMap<string, Standing>;
  /** Current texts, of what is patched or matched. */
  versions: ReadonlyMap<string, Version>;
  /** True where `versions` holds the texts of doubtful updates too, if they are still there. */
  isFinal?: true;
}

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
  const known = await lookUp(parts, drafts);
  const decisions = await decideAll(parts, drafts, { known, turn });
  const writes: Writes = { inserts: [], updates: [], removals: [] };
  const results = new Map<Draft, ChangeResult>();
  for (const draft of drafts) {
    const decision = decisions.get(draft);
    if (!decision) continue;
    const { result, write } = decision;
    write?.(writes);
    results.set(draft, result);
  }
  for (const [draft, issues] of await checkTargets(parts, drafts)) {
    results.set(draft, { ...(results.get(draft) as ChangeResult), issues });
  }
  for (const draft of drafts) {
    if (!draft.sameAs) continue;
    const first = results.get(draft.sameAs) as ChangeResult;
    results.set(draft, { ...first, status: 200, changed: false });
  }
  await addTexts(parts, results);
  return { writes, results: drafts.map((draft) => results.get(draft) as ChangeResult) };
}

/** Decides all but repeated creates; those in doubt again, with their current texts. */
async function decideAll(
  { context, reader, run }: Parts,
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
  const doubtful = [...decisions].filter(([, { isDoubtful }]) => isDoubtful);
  if (doubtful.length === 0) return decisions;
  const targets = doubtful.map(([{ change, id }]) => ({ type: change.type, id: id as string }));
  const versions = new Map(known.versions);
  for (const version of await reader.many(run, targets)) {
    if (version) versions.set(`${version.type}/${version.id}`, version);
  }
  for (const [draft] of doubtful)
    decisions.set(draft, decide(context, draft, { ...known, versions, isFinal: true }));
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

/** One statement for all (two where texts are needed); none for creates with new ids. */
async function lookUp({ reader, run, inside }: Parts, drafts: readonly Draft[]): Promise<Known> {
  const acting = drafts.filter(
    ({ change, matched, sameAs }) => !sameAs && (change.method !== 'create' || matched),
  );
  const targets = acting.flatMap(({ change, id, ids }) =>
    (ids.length > 0 ? ids : id === undefined ? [] : [id]).map((each) => ({
      type: change.type,
      id: each,
    })),
  );
  const texts = acting.flatMap(({ change, id }) =>
    change.method === 'patch' && id !== undefined ? [{ type: change.type, id }] : [],
  );
  const standings = new Map<string, Standing>();
  const [only] = targets;
  const found =
    only && targets.length === 1 && !inside
      ? [await reader.standing(only.type, only.id)]
      : await reader.standings(run, targets);
  targets.forEach(({ type, id }, i) => {
    const standing = found[i];
    if (standing) standings.set(`${type}/${id}`, standing);
  });
  const versions = new Map<string, Version>();
  for (const version of await reader.many(run, texts)) {
    if (version) versions.set(`${version.type}/${version.id}`, version);
  }
  return { standings, versions };
}

/** What was left as it is (no-op updates, matched creates) is answered with the stored text. */
async function addTexts({ reader, run }: Parts, results: Map<Draft, ChangeResult>): Promise<void> {
  const unchanged = [...results.values()].filter(
    ({ changed, version }) => !changed && version?.content === '' && version.method !== 'DELETE',
  );
  const targets = unchanged.map(({ version }) => version as Version);
  const found = await reader.many(run, targets);
  unchanged.forEach((result, i) => {
    const version = found[i];
    if (version) result.version = version;
  });
}
