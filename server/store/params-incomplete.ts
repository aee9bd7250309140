import { FhirError } from '../fhir/error.ts';
import type { SearchQuery } from '../fhir/query.ts';
import { paramKey } from '../fhir/terms.ts';
import type { Issue } from '../fhir/types.ts';
import { limitOf } from './access.ts';
import type { Context } from './context.ts';
import { type ReindexState, reindexStates } from './reindex-state.ts';
import type { Actor } from './store.ts';

/**
 * Warnings for a search by parameters that older resources are not all found by yet. To be awaited
 * before the search runs: what becomes complete meanwhile was not when it began.
 */
export async function incompleteIssues(
  context: Context,
  actor: Actor,
  query: SearchQuery,
): Promise<Issue[]> {
  const { incomplete } = context.params;
  if (incomplete.size === 0) return [];
  const used = namesIn(query, incomplete).filter((name) => incomplete.has(name));
  if (used.length === 0) return [];
  // The database knows whether another process has just finished.
  const states = await reindexStates(context);
  return states.flatMap((state) =>
    state.incomplete
      .filter((code) => used.includes(paramKey(state.type, code)))
      .map((code) => warning(actor, state, code)),
  );
}

/**
 * Refuses criteria of conditional writes that cannot be decided while matches may be missing.
 * @throws FhirError busy
 */
export async function refuseIncomplete(
  context: Context,
  actor: Actor,
  query: SearchQuery,
): Promise<void> {
  const [issue] = await incompleteIssues(context, actor, query);
  if (!issue) return;
  const diagnostics = `The criteria cannot be decided yet. ${issue.diagnostics}`;
  throw new FhirError('busy', [{ severity: 'error', code: 'incomplete', diagnostics }]);
}

function warning(actor: Actor, state: ReindexState, code: string): Issue {
  // How many there are, and what failed on which, is for those who may see all of them.
  const isOpen = limitOf(actor, state.type, 's') === 'all';
  return {
    severity: 'warning',
    code: 'incomplete',
    diagnostics:
      `The parameter "${code}" is new on ${state.type}, and what was stored before is still being ` +
      `indexed${isOpen ? progressOf(state) : ''}: matches may be missing. See [base]/$reindex.`,
    expression: `http.${code}`,
  };
}

function progressOf({ done, total, failed, error }: ReindexState): string {
  const progress = total === undefined ? 'not begun yet' : `${done} of ${total} done`;
  const faults = failed > 0 ? `, ${failed} of them in vain (${error})` : '';
  return ` (${progress}${faults})`;
}

/** A parameter's key at the beginning of a key or word of the tree (terms.ts). */
const KEY = /^(?:[A-Z][A-Za-z]*\.)?[A-Za-z0-9_-]+/;

/** Keys of all parameters that a search looks at: in its criteria, its order and its includes. */
function namesIn(query: SearchQuery, possible: Iterable<string>): string[] {
  const { types, where, sort, include, revinclude } = query;
  const names = new Set<string>();
  collect(where, names);
  for (const { code } of sort) for (const type of types) names.add(paramKey(type, code));
  for (const { source, code } of [...include, ...revinclude]) {
    if (code !== '*') names.add(paramKey(source, code));
    else for (const key of possible) if (key.startsWith(`${source}.`)) names.add(key);
  }
  return [...names];
}

/** Every text of the tree that may be a key, and every pair of a type and its codes. */
function collect(node: unknown, names: Set<string>): void {
  if (typeof node === 'string') {
    const [key] = KEY.exec(node) ?? [];
    if (key !== undefined) names.add(key);
  }
  if (typeof node !== 'object' || node === null) return;
  const { type, code, codes = code } = node as Record<string, unknown>;
  if (typeof type === 'string') {
    for (const one of [codes].flat()) if (typeof one === 'string') names.add(paramKey(type, one));
  }
  for (const part of Object.values(node)) collect(part, names);
}
