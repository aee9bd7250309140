import type { Include, SearchQuery } from './query.ts';
import { isReference, TermProblem } from './query-param.ts';
import type { ParseOptions } from './query-parse.ts';
import { nearest } from './validate-nearest.ts';

/** `_include` and `_revinclude` (R4 3.1.1.5.4): `Type:parameter[:Target]`, `Type:*` and `*`. */

type Side = 'include' | 'revinclude';

/** In one search; `*` is one of them. */
const MAX_INCLUDES = 50;

const FORM = 'write Type:parameter, Type:parameter:TargetType, Type:* or *';

/**
 * Adds one include to the query.
 * @throws TermProblem where it could never include anything
 */
export function parseInclude(
  options: ParseOptions,
  query: SearchQuery,
  { side, iterate, value }: { side: Side; iterate: boolean; value: string },
): void {
  if (query.include.length + query.revinclude.length >= MAX_INCLUDES) {
    throw new TermProblem(`a search takes at most ${MAX_INCLUDES} includes`);
  }
  const include = includeOf(options, value);
  if (!iterate) refuseUnmatched(options, side, include);
  query[side].push(iterate ? { ...include, iterate } : include);
}

function includeOf(options: ParseOptions, text: string): Include {
  if (text === '*') return { source: '*', code: '*' };
  const [source = '', code, target, ...rest] = text.split(':');
  if (text.includes(',')) throw new TermProblem('it takes one value; repeat it for more', true);
  refuseNoType(options, source);
  if (code === undefined || rest.length > 0) {
    throw new TermProblem(`"${text.slice(0, 80)}" is no include; ${FORM}`, true);
  }
  if (target !== undefined) refuseNoType(options, target);
  if (code !== '*') refuseNoReference(options, { source, code, target });
  return target === undefined ? { source, code } : { source, code, target };
}

function refuseNoType({ definitions: { resourceTypes } }: ParseOptions, type: string): void {
  if (resourceTypes.includes(type)) return;
  const near = nearest(type, resourceTypes);
  const hint = near ? `did you mean ${near}?` : FORM;
  throw new TermProblem(`"${type.slice(0, 80)}" is not a resource type; ${hint}`, true);
}

function refuseNoReference(
  { definitions }: ParseOptions,
  { source, code, target }: { source: string; code: string; target: string | undefined },
): void {
  const known = definitions.searchParams(source);
  const def = known.get(code);
  if (!def || !isReference(def)) {
    const possible = [...known.values()].filter(isReference).map((one) => one.code);
    const hint = possible.length > 0 ? `it has ${possible.sort().join(', ')}` : 'it has none';
    const what = `${source} has no reference parameter "${code.slice(0, 80)}"`;
    throw new TermProblem(`${what}; ${hint}`, true);
  }
  if (target !== undefined && def.targets && !def.targets.includes(target)) {
    const possible = def.targets.join(', ');
    throw new TermProblem(`${source}:${code} never refers to ${target}; possible: ${possible}`);
  }
}

/** Without `:iterate` an include begins at a match: its type must be one that is searched. */
function refuseUnmatched(options: ParseOptions, side: Side, include: Include): void {
  const { types } = options;
  const { source, code, target } = include;
  const advice = `use _${side}:iterate to begin at included resources`;
  if (side === 'include') {
    if (source === '*' || types.includes(source)) return;
    throw new TermProblem(`${source} is not the type that is searched; ${advice}`, true);
  }
  const targets = target ? [target] : options.definitions.searchParams(source).get(code)?.targets;
  if (!targets || targets.some((type) => types.includes(type))) return;
  const what = `${source}:${code} never refers to what is searched`;
  throw new TermProblem(`${what} (it refers to ${targets.join(', ')}); ${advice}`, true);
}
