import type { Definitions, SearchParamDef } from './definitions.ts';
import { TermProblem, valueTypes } from './query-param.ts';

/**
 * References by canonical url name a resource by what it says of itself, so that the index cannot join
 * them by key: they are searched by their url, not chained or included through.
 */

const BY_URL: ReadonlySet<string> = new Set(['canonical', 'uri', 'url']);

/** Whether a reference parameter holds nothing but canonical urls. */
export function isCanonical(definitions: Definitions, type: string, def: SearchParamDef): boolean {
  const types = valueTypes({ type, def, options: { definitions } });
  return types !== undefined && [...types].every((one) => BY_URL.has(one));
}

/** @throws TermProblem for such a parameter where it would have to be followed */
export function refuseCanonical(definitions: Definitions, type: string, def: SearchParamDef): void {
  if (!isCanonical(definitions, type, def)) return;
  throw new TermProblem(
    `${type}:${def.code} refers by canonical url, which is not followed; ` +
      `search the other resource, then ${def.code}=[its url]`,
    true,
  );
}
