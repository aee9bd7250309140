import type { SearchParamDef } from '../fhir/definitions.ts';
import type { Include, SearchQuery, Term } from '../fhir/query.ts';
import {
  canonicalTypes,
  fittingTargets,
  mayBeCanonical,
  type Named,
} from '../fhir/query-canonical.ts';
import { paramKey } from '../fhir/terms.ts';
import type { Context } from './context.ts';
import { canonicalsIn, seqsNamed } from './search-canonical.ts';
import { MAX_INCLUDED, printSearch } from './search-sql.ts';

/** What is included along references by canonical url: by the urls in the rows at hand. */

type Row = readonly unknown[];

/** Column of a row. */
const CONTENT = 7;

interface Ways {
  include: readonly Include[];
  revinclude: readonly Include[];
  /** What of it the caller may see; absent: everything. */
  visible?: Term;
}

/** Those of the ways that lead along canonical urls; each names its parameter. */
export function canonicalWays({ definitions }: Context, ways: Ways): Ways {
  const { include, revinclude } = ways;
  const isCanonical = ({ source, code }: Include): boolean => {
    const def = definitions.searchParams(source).get(code);
    return def !== undefined && mayBeCanonical(definitions, source, def);
  };
  return {
    ...ways,
    include: include.filter(isCanonical),
    revinclude: revinclude.filter(isCanonical),
  };
}

/** What is included; `cut` where something is left out, as it is more than a page takes. */
export interface ByUrl {
  rows: Row[];
  cut: boolean;
}

/** What rows of one type include by these ways (`canonicalWays` from that type). */
export async function includedByUrl(
  context: Context,
  from: { type: string; rows: readonly Row[] },
  ways: Ways,
): Promise<ByUrl> {
  const contents = from.rows.map((row) => row[CONTENT] as string);
  const found: ByUrl = { rows: [], cut: false };
  const { visible } = ways;
  for (const way of ways.include) await addNamed(context, found, { way, contents, visible });
  const isNamed = canonicalTypes(context.definitions, [from.type]).length > 0;
  if (!isNamed || ways.revinclude.length === 0) return found;
  const targets = [...new Set(contents.flatMap(namesIn).flatMap(fittingTargets))];
  for (const { source, code } of targets.length > 0 ? ways.revinclude : []) {
    const key = paramKey(source, code);
    const term: Term = { kind: 'references', key, targets, patient: false };
    found.rows.push(...(await searched(context, [source], [term], visible)));
  }
  return found;
}

/** The resources that canonical urls in the contents mean. */
async function addNamed(
  context: Context,
  found: ByUrl,
  {
    way,
    contents,
    visible,
  }: { way: Include; contents: readonly string[]; visible: Term | undefined },
): Promise<void> {
  const { definitions } = context;
  const canonicals = canonicalsIn(context, contents, way.code);
  if (canonicals.size === 0) return;
  const { targets } = definitions.searchParams(way.source).get(way.code) as SearchParamDef;
  const possible = way.target ? [way.target] : (targets ?? definitions.resourceTypes);
  const types = canonicalTypes(definitions, possible);
  const asked = { canonicals, types, most: MAX_INCLUDED };
  const seqs = await seqsNamed(context, context.db.tuples, asked);
  if (!seqs) found.cut = true;
  else if (seqs.length > 0) {
    found.rows.push(...(await searched(context, types, [{ kind: 'rows', seqs }], visible)));
  }
}

/** Through a search like any other, so that what restricts searches restricts includes. */
async function searched(
  context: Context,
  types: readonly string[],
  terms: readonly Term[],
  visible: Term | undefined,
): Promise<readonly Row[]> {
  const where = visible ? [...terms, visible] : [...terms];
  const statement = printSearch(context, { ...ALL, types, where }, undefined);
  return context.db.tuples(statement, statement.values);
}

const ALL: Omit<SearchQuery, 'types' | 'where'> = {
  ...{ sort: [], count: MAX_INCLUDED, total: 'none', summary: 'false', elements: [] },
  ...{ include: [], revinclude: [], applied: [], ignored: [] },
};

function namesIn(content: string): Named[] {
  const { url, version } = JSON.parse(content) as { url?: unknown; version?: unknown };
  if (typeof url !== 'string') return [];
  return [typeof version === 'string' ? { url, version } : { url }];
}
