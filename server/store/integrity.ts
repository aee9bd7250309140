import { loadSql, sqlList } from '../db/db.ts';
import { collectReferences } from '../fhir/bundle-links.ts';
import { FhirError } from '../fhir/error.ts';
import { referenceTarget } from '../fhir/extract-reference.ts';
import type { Issue, Resource } from '../fhir/types.ts';
import { AUDIT_EVENT } from './audit-refused.ts';
import type { Context } from './context.ts';
import { type Draft, idsOf, resourceOf } from './draft.ts';
import type { Parts } from './resolve.ts';

const existsSql = loadSql(import.meta.url, 'exists.sql');

/**
 * Referential integrity of literal references to this server, where the setting asks for it:
 * targets must be stored or be written by the same commit.
 * Not to be called where it is `off`.
 * @returns warnings by draft (`warn`). Throws FhirError unprocessable (`on`).
 */
export async function checkTargets(
  { context, run }: Parts,
  drafts: readonly Draft[],
): Promise<Map<Draft, Issue[]>> {
  const warnings = new Map<Draft, Issue[]>();
  const writes = drafts.filter(({ change }) => change.method !== 'delete');
  const own = new Set(writes.map(({ change, id }) => `${change.type}/${id}`));
  const gone = goneBy(drafts);
  const wanted = new Map<string, Draft[]>();
  for (const draft of drafts) {
    const resource = draft.shown ?? draft.patched ?? resourceOf(draft.change);
    if (!resource || draft.matched || draft.sameAs) continue;
    for (const target of localTargets(context, resource)) {
      // The journal is not looked up: who refers to an AuditEvent has had it from there.
      if (target.startsWith(`${AUDIT_EVENT}/`)) continue;
      if (!own.has(target)) wanted.set(target, [...(wanted.get(target) ?? []), draft]);
    }
  }
  for (const target of await absent({ context, run }, [...wanted.keys()], gone)) {
    for (const draft of wanted.get(target) ?? []) {
      const issue = dangling(draft, target, context.integrity === 'on' ? 'error' : 'warning');
      warnings.set(draft, [...(warnings.get(draft) ?? []), issue]);
    }
  }
  if (context.integrity === 'on' && warnings.size > 0) {
    throw new FhirError('unprocessable', [...warnings.values()].flat());
  }
  return warnings;
}

/** What the commit itself deletes. */
function goneBy(drafts: readonly Draft[]): Set<string> {
  const deletes = drafts.filter(({ change }) => change.method === 'delete');
  return new Set(
    deletes.flatMap((draft) => idsOf(draft).map((id) => `${draft.change.type}/${id}`)),
  );
}

/** `Type/id` of every literal reference to this server. */
export function localTargets(context: Context, resource: Resource): Set<string> {
  const targets = new Set<string>();
  collectReferences(resource, context.definitions, (text, kind) => {
    const target = kind === 'reference' ? referenceTarget(text, context.bases) : undefined;
    if (target !== undefined && isLocal.test(target)) targets.add(target);
  });
  return targets;
}

const isLocal = /^[A-Z][A-Za-z]*\/[^/]+$/;

async function absent(
  { context, run }: Pick<Parts, 'context' | 'run'>,
  targets: readonly string[],
  gone: ReadonlySet<string>,
): Promise<string[]> {
  if (targets.length === 0) return [];
  const keys = targets.map((target) => String(context.hasher.target(target)));
  const rows = await run(existsSql, [sqlList(keys)]);
  const found = new Set(rows.map(([rk]) => rk));
  return targets.filter((target, i) => gone.has(target) || !found.has(keys[i]));
}

/** What a reference that leads nowhere is told with. */
export function dangling(draft: Draft, target: string, severity: 'error' | 'warning'): Issue {
  const { path, type } = draft.change;
  return {
    severity,
    code: 'not-found',
    diagnostics: `The reference ${target} leads to nothing that is stored; store its target first.`,
    expression: path ? `${path}.resource` : type,
  };
}
