import { loadSql, sqlList } from '../db/db.ts';
import { parseJson } from '../fhir/json.ts';
import {
  canonicalsOf,
  fittingTargets,
  mayBeCanonical,
  type Named,
  namedBy,
} from '../fhir/query-canonical.ts';
import { paramKey, uriTerm } from '../fhir/terms.ts';
import type { Resource } from '../fhir/types.ts';
import type { Context, Run } from './context.ts';

/** Both ends of references by canonical url, read from the stored texts. */

const byKeysSql = loadSql(import.meta.url, 'canonical-keys.sql');
const byTypesSql = loadSql(import.meta.url, 'canonical-types.sql');
const byWordsSql = loadSql(import.meta.url, 'canonical-words.sql');

/** A look-up compares each of its words with each of a row: so many at a time. */
const WORDS_AT_ONCE = 4000;

/** The code of the parameter with a key `Type.code`, where its values may be canonical urls. */
export function canonicalCode(
  { definitions }: Pick<Context, 'definitions'>,
  key: string,
): string | undefined {
  const dot = key.indexOf('.');
  const [type, code] = [key.slice(0, dot), key.slice(dot + 1)];
  const def = definitions.searchParams(type).get(code);
  return def && mayBeCanonical(definitions, type, def) ? code : undefined;
}

/** What resources with these row keys call themselves; without those that have no url. */
export async function namesOfKeys(run: Run, keys: readonly string[]): Promise<Named[]> {
  if (keys.length === 0) return [];
  return (await run(byKeysSql, [sqlList(keys)])).map(([url, version]) => named(url, version));
}

/** A resource and what it calls itself. */
export type NamedRow = Named & { seq: string };

/** All resources of the types that have a url; undefined where there are more than `most`. */
export async function allNamed(
  context: Context,
  run: Run,
  { types, most }: { types: readonly string[]; most: number },
): Promise<NamedRow[] | undefined> {
  const numbers = types.map((type) => context.typeNumber(type));
  const rows = await run({ text: byTypesSql.text }, [sqlList(numbers), most + 1]);
  return rows.length > most ? undefined : rows.flatMap(namedRow);
}

/**
 * The rows (seq) of resources of the types that canonical urls mean: `url|version` the one with both,
 * `url|` all with that url, as R4 leaves the choice among versions open. Undefined where more than
 * `most` have one of the urls.
 */
export async function seqsNamed(
  context: Context,
  run: Run,
  asked: { canonicals: Iterable<string>; types: readonly string[]; most: number },
): Promise<string[] | undefined> {
  const wanted = new Set(asked.canonicals);
  const urls = new Set([...wanted].map((one) => namedBy(one).url));
  const words = [...urls].flatMap((url) =>
    asked.types.map((type) => context.hasher.word(uriTerm(paramKey(type, 'url'), url))),
  );
  const seqs: string[] = [];
  let looked = 0;
  for (let i = 0; i < words.length; i += WORDS_AT_ONCE) {
    const some = sqlList(words.slice(i, i + WORDS_AT_ONCE));
    const rows = await run({ text: byWordsSql.text }, [some, asked.most + 1]);
    looked += rows.length;
    if (looked > asked.most) return undefined;
    const found = rows.flatMap(namedRow);
    seqs.push(...found.filter((one) => fittingTargets(one).some((t) => wanted.has(t))).map(seqOf));
  }
  return seqs;
}

/** The canonical urls that stored resources of a type refer to by a parameter: `canonicalsOf`. */
export function canonicalsIn(
  { extractor }: Context,
  contents: readonly string[],
  code: string,
): Set<string> {
  const found = contents.flatMap((content) =>
    canonicalsOf(extractor.references(parseJson(content) as Resource, code)),
  );
  return new Set(found);
}

const seqOf = ({ seq }: NamedRow): string => seq;

const named = (url: unknown, version: unknown): Named =>
  version === null || version === undefined
    ? { url: String(url) }
    : { url: String(url), version: String(version) };

function namedRow([seq, url, version]: readonly unknown[]): NamedRow[] {
  return url === null ? [] : [{ seq: seq as string, ...named(url, version) }];
}
