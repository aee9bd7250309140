import { loadSql, sqlList, sqlTexts } from '../db/db.ts';
import { judgeSearchParameter } from '../fhir/custom-param.ts';
import { extensible } from '../fhir/definitions-custom.ts';
import { FhirError } from '../fhir/error.ts';
import type { Issue, Resource } from '../fhir/types.ts';
import type { Context, Run } from './context.ts';
import { byType, type ParamRow, readParams } from './params.ts';
import { askReindex } from './reindex-state.ts';

const lockSql = loadSql(import.meta.url, 'param-lock.sql');
const bumpSql = loadSql(import.meta.url, 'param-bump.sql');
const putSql = loadSql(import.meta.url, 'param-put.sql');
const dropSql = loadSql(import.meta.url, 'param-drop.sql');

/** A SearchParameter that a commit writes; without `resource` it is deleted. */
export interface ParamChange {
  id: string;
  resource: Resource | undefined;
  /** Where it stands in the request: `Bundle.entry[3]`. */
  path: string | undefined;
}

/**
 * Brings the table of parameters in step with changed SearchParameter resources, inside their
 * transaction, and orders what is stored to be indexed anew.
 *
 * @returns the new version of the parameters, for `Params.spread`; undefined where none changed
 * @throws FhirError unprocessable, naming the element at fault
 */
export async function storeParams(
  context: Context,
  run: Run,
  changes: readonly ParamChange[],
): Promise<number | undefined> {
  const [row] = await run(lockSql, []);
  const version = Number(row?.[0]) + 1;
  const before = await readParams(run, context.typeName);
  const { put, dropped } = difference(before, judgeAll(context, before, changes), version);
  if (put.length + dropped.length === 0) return undefined;
  await run(bumpSql, [version]);
  const numbers = (rows: readonly ParamRow[]) =>
    sqlList(rows.map(({ type }) => context.typeNumber(type)));
  const codes = (rows: readonly ParamRow[]) => sqlTexts(rows.map(({ def }) => def.code));
  if (dropped.length > 0) await run(dropSql, [numbers(dropped), codes(dropped)]);
  if (put.length > 0) {
    const ids = sqlTexts(put.map(({ id }) => id));
    const defs = sqlTexts(put.map(({ def }) => JSON.stringify(def)));
    await run(putSql, [numbers(put), codes(put), ids, version, defs]);
    await askReindex(context, run, { types: put.map(({ type }) => type), version });
  }
  return version;
}

/** All parameters as they are after the changes, with `version` 0 where it is to be found out. */
function judgeAll(
  context: Context,
  before: readonly ParamRow[],
  changes: readonly ParamChange[],
): ParamRow[] {
  const { standard } = context.params;
  const ids = new Set(changes.map(({ id }) => id));
  const after = before.filter(({ id }) => !ids.has(id));
  const present = extensible(standard);
  const issues: Issue[] = [];
  for (const { id, resource, path } of changes) {
    if (!resource) continue;
    present.setCustom(byType(after));
    const judged = judgeSearchParameter(resource, { standard, present });
    issues.push(...judged.issues.map((issue) => located(issue, path)));
    for (const [type, def] of judged.params) {
      after.push({ type, id, version: 0, def, complete: false });
    }
  }
  if (issues.length > 0) throw new FhirError('unprocessable', issues);
  return after;
}

function located(issue: Issue, path: string | undefined): Issue {
  if (path === undefined || issue.expression === undefined) return issue;
  return { ...issue, expression: issue.expression.replace(/^SearchParameter/, `${path}.resource`) };
}

interface Difference {
  put: ParamRow[];
  dropped: ParamRow[];
}

const keyOf = ({ type, def }: ParamRow): string => `${type} ${def.code}`;
const isSame = (a: ParamRow, b: ParamRow): boolean =>
  a.id === b.id && JSON.stringify(a.def) === JSON.stringify(b.def);

/** What to write. How a composite is indexed hangs on the other parameters of its type. */
function difference(
  before: readonly ParamRow[],
  after: readonly ParamRow[],
  version: number,
): Difference {
  const known = new Map(before.map((row) => [keyOf(row), row]));
  const kept = new Set(after.map(keyOf));
  const dropped = before.filter((row) => !kept.has(keyOf(row)));
  const differs = (row: ParamRow): boolean => {
    const old = known.get(keyOf(row));
    return !old || !isSame(old, row);
  };
  const touched = new Set([...dropped, ...after.filter(differs)].map(({ type }) => type));
  const put = after.filter(
    (row) => differs(row) || (row.def.type === 'composite' && touched.has(row.type)),
  );
  return { put: put.map((row) => ({ ...row, version })), dropped };
}
