import type { SearchParamDef } from './definitions.ts';

const PLAIN_PATH = /^[A-Z][A-Za-z]*((?:\.[A-Za-z]+)+)$/;

/**
 * Where in the JSON a parameter's value stands, as a jsonpath (lax mode walks through arrays), or
 * undefined where its expression is more than a path. For sorting by what the index only hashes.
 */
export function sortPath(type: string, def: SearchParamDef): string | undefined {
  const expression = def.expression.replace(/\.where\(resolve\(\) is [A-Za-z]+\)/g, '');
  const [, path] = PLAIN_PATH.exec(expression) ?? [];
  if (path === undefined || !['token', 'reference', 'uri'].includes(def.type)) return undefined;
  return expression.startsWith(`${type}.`) || /^(Resource|DomainResource)\./.test(expression)
    ? `$${path.replace(/\.([A-Za-z]+)/g, '."$1"')}`
    : undefined;
}
