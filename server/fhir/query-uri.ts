import type { Term } from './query.ts';
import { anyOf, type Param, TermProblem } from './query-param.ts';
import { unescaped } from './query-values.ts';
import { paramKey, tokenAny, uriTerm, uriTextKey } from './terms.ts';

/** Uris (R4 3.1.1.4.9): compared as they are, or along the path of a url. */

/** More than this is no address; `:above` looks for every part of it. */
const MAX_URI = 2048;

const URL_LIKE = /^[a-z][a-z0-9+.-]*:\/\/[^/\s]/i;

/** The term of a uri parameter; several values are alternatives. */
export function uriValuesTerm(
  param: Param,
  values: readonly string[],
  modifier: string | undefined,
): Term {
  const uris = values.map(unescaped);
  if (modifier === 'above') return wordsOf(param, uris.flatMap(above));
  if (modifier === 'below') return belowTerm(param, uris);
  const exact = wordsOf(param, uris);
  return anyOf([exact, ...uris.flatMap((uri) => versionTerm(param, uri))]);
}

function wordsOf({ keys }: Param, uris: readonly string[]): Term {
  const words = uris.flatMap((uri) => keys.map((key) => uriTerm(key, uri)));
  return { kind: 'words', rare: false, words };
}

/** "Automatically detecting a |[version] portion": of a resource's own canonical url. */
function versionTerm(param: Param, uri: string): Term[] {
  const { type, def, options } = param;
  const bar = uri.lastIndexOf('|');
  const version = options.definitions.searchParams(type).get('version');
  if (bar <= 0 || bar === uri.length - 1 || def.code !== 'url' || version?.type !== 'token') {
    return [];
  }
  const word = tokenAny(paramKey(type, 'version'), uri.slice(bar + 1));
  const versioned: Term = { kind: 'words', rare: false, words: [word] };
  return [{ kind: 'all', terms: [wordsOf(param, [uri.slice(0, bar)]), versioned] }];
}

/** "These modifiers only apply to URLs, and not URNs such as OIDs" (R4 3.1.1.4.9). */
function refuseNoUrl(uri: string, modifier: string): void {
  if (uri.length > MAX_URI) throw new TermProblem(`it is longer than ${MAX_URI} characters`);
  if (URL_LIKE.test(uri)) return;
  throw new TermProblem(
    `"${uri}" has no levels: ":${modifier}" is for urls (http://example.org/path) alone`,
  );
}

/** The uri and what it begins with, level by level; with and without the slash at the end. */
function above(uri: string): string[] {
  refuseNoUrl(uri, 'above');
  const found = [uri];
  const start = uri.indexOf('//') + 2;
  for (let at = uri.indexOf('/', start); at >= 0; at = uri.indexOf('/', at + 1)) {
    found.push(uri.slice(0, at), uri.slice(0, at + 1));
  }
  return [...new Set(found)];
}

/** The uri itself and what goes on behind the end of one of its levels. */
function belowTerm(param: Param, uris: readonly string[]): Term {
  const starts = uris.map((uri) => {
    refuseNoUrl(uri, 'below');
    if (uri.endsWith('/')) return uri;
    // A canonical with (the start of) a version: what is below 1 is 1.0.
    return uri.includes('|') ? `${uri}.` : `${uri}/`;
  });
  const keys = param.keys.map(uriTextKey);
  return anyOf([wordsOf(param, uris), { kind: 'texts', keys, values: starts }]);
}
