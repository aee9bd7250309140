import type { Answer, Json } from './http.ts';

/** Searches over HTTP, written as tables of cases write them. */

/** `Type?a=b&c=d` with plain values, as a URL below the base; `BASE` stands for the base itself. */
export function encoded(query: string, base: string): string {
  const [path = '', search = ''] = query.split(/\?(.*)/s);
  const pairs = search
    .replaceAll('BASE', base)
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => pair.split(/=(.*)/s))
    .map(([name = '', value = '']) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  return `${path}${pairs.length > 0 ? `?${pairs.join('&')}` : ''}`;
}

/** The entries of a searchset in one mode. */
export const entries = ({ json }: Answer, mode: string): Json[] =>
  (json.entry?.filter?.((entry) => `${entry.search?.mode}` === mode) ?? []) as Json[];
