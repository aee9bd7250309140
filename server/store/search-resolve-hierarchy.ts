import { loadSql } from '../db/db.ts';
import type { SearchParamDef } from '../fhir/definitions.ts';
import type { SearchQuery, Term } from '../fhir/query.ts';
import { hierarchyParam } from '../fhir/query-terms.ts';
import { paramKey, referenceSalt } from '../fhir/terms.ts';
import type { Context, Run } from './context.ts';
import { refused } from './search-refused.ts';
import { resolveHas } from './search-resolve-joins.ts';
import { printIds } from './search-sql.ts';

/** `:above` and `:below` of references to resources that are parts of each other (R4 3.1.1.4.14). */

const belowSql = loadSql(import.meta.url, 'hierarchy-below.sql');
const aboveSql = loadSql(import.meta.url, 'hierarchy-above.sql');

/** More resources than this are no condition of a search. */
const MAX_RESOURCES = 10_000;

type HierarchyTerm = Extract<Term, { kind: 'hierarchy' }>;

/** The type of a hierarchy and the key of the parameter that leads one level up. */
interface Tree {
  type: string;
  key: string;
}

/**
 * The resource itself, with what is part of it or what it is part of, at any depth. `within` is
 * resolved.
 * @throws FhirError invalid where there is no such hierarchy, or too much of it
 */
export async function resolveHierarchy(
  context: Context,
  run: Run,
  term: HierarchyTerm,
): Promise<Term> {
  const { direction, target } = term;
  const [type = ''] = target.split('/', 1);
  const parent = hierarchyParam(context.definitions, type);
  if (!parent) {
    const reason = `resources of type ${type} are not parts of each other`;
    throw refused(term.code, 'not-supported', reason);
  }
  const tree = { type, key: paramKey(type, parent.code) };
  const ids = await (term.within ? visibleIds : storedIds)(context, run, { term, tree });
  if (ids.length > MAX_RESOURCES) {
    const reason = `there are more than ${MAX_RESOURCES} resources ${direction} ${target}`;
    throw refused(term.code, 'too-costly', reason);
  }
  const targets = new Set([target, ...ids.map((id) => `${type}/${id}`)]);
  const def = context.definitions.searchParams(term.type).get(term.code) as SearchParamDef;
  const terms = (def.keys ?? [def.code]).map((code): Term => {
    const key = paramKey(term.type, code);
    return { kind: 'references', key, targets: [...targets], patient: false };
  });
  const [only] = terms;
  return only && terms.length === 1 ? only : { kind: 'any', terms };
}

interface Asked {
  term: HierarchyTerm;
  tree: Tree;
}

async function storedIds(
  { hasher }: Context,
  run: Run,
  { term: { target, direction }, tree }: Asked,
): Promise<string[]> {
  const salt = hasher.word(referenceSalt(tree.key));
  const sql = direction === 'below' ? belowSql : aboveSql;
  const values = [String(hasher.target(target)), String(salt), MAX_RESOURCES + 1];
  return (await run({ text: sql.text }, values)).map(([id]) => id as string);
}

/**
 * Level by level, over those alone that fit `within`: what is part of what is told by resources that
 * may be seen.
 */
async function visibleIds(context: Context, run: Run, asked: Asked): Promise<string[]> {
  const { term, tree } = asked;
  const found = new Set<string>();
  let level = [term.target.slice(tree.type.length + 1)];
  while (level.length > 0 && found.size <= MAX_RESOURCES) {
    const where = [await nextLevel(context, run, asked, level), term.within as Term];
    const statement = printIds(context, { ...ALL, types: [tree.type], where }, MAX_RESOURCES + 1);
    const rows = await run(statement, statement.values);
    level = rows.map(([id]) => id as string).filter((id) => !found.has(id));
    for (const id of level) found.add(id);
  }
  return [...found];
}

/** A level down all that refers to this one; a level up all that those of it that fit refer to. */
async function nextLevel(
  context: Context,
  run: Run,
  { term, tree: { type, key } }: Asked,
  ids: string[],
): Promise<Term> {
  if (term.direction === 'below') {
    const targets = ids.map((id) => `${type}/${id}`);
    return { kind: 'references', key, targets, patient: false };
  }
  const where: Term[] = [{ kind: 'id', ids, type }, term.within as Term];
  return resolveHas(context, run, { kind: 'has', source: type, key, patient: false, where }, [
    type,
  ]);
}

const ALL: Omit<SearchQuery, 'types' | 'where'> = {
  ...{ sort: [], count: 1, total: 'none', summary: 'false', elements: [] },
  ...{ include: [], revinclude: [], applied: [], ignored: [] },
};
