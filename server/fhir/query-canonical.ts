import type { Definitions, SearchParamDef } from './definitions.ts';
import { holds, isReference } from './query-param.ts';

/**
 * References by canonical url (R4 2.3.0.4) name a resource by what it says of itself: `url|version` is
 * the resource with both, `url` any version. The index files them so, not by row key, so that joins
 * look up the urls of one end before they find the other.
 */

const BY_URL: readonly string[] = ['canonical', 'uri', 'url'];

/** Whether some values of a reference parameter may be canonical urls. */
export const mayBeCanonical = (
  definitions: Definitions,
  type: string,
  def: SearchParamDef,
): boolean => isReference(def) && holds({ type, def, options: { definitions } }, ...BY_URL);

/**
 * Those of the types whose resources have a canonical url. A Device has a url and versions, too, but
 * the address of a device and the versions of its parts.
 */
export function canonicalTypes({ types }: Definitions, among: readonly string[]): string[] {
  return among.filter((type) => {
    const elements = types.get(type)?.elements ?? [];
    const isSingle = (name: string): boolean =>
      elements.some((one) => one.name === name && one.max === 1);
    return isSingle('url') && isSingle('version');
  });
}

/** What a resource calls itself. */
export interface Named {
  url: string;
  version?: string;
}

/**
 * The targets of the index by which references fit a resource: those that name its version, and those
 * that name none (`url|`). The url alone stands in the index for all of them, other versions included.
 */
export function fittingTargets({ url, version }: Named): string[] {
  return version === undefined ? [`${url}|`] : [`${url}|${version}`, `${url}|`];
}

/** Of a resource's targets in the index the canonical urls: `url|version`, or `url|` without one. */
export const canonicalsOf = (targets: readonly string[]): string[] =>
  targets.filter((target) => target.includes('|'));

/** Splits one of `canonicalsOf`. */
export function namedBy(canonical: string): Named {
  const bar = canonical.indexOf('|');
  const [url, version] = [canonical.slice(0, bar), canonical.slice(bar + 1)];
  return version === '' ? { url } : { url, version };
}
