import type { Definitions, SearchParamDef, TypeDef } from './definitions.ts';

/** A path of names, choices (`value.ofType(Quantity)`), `where(field='text')`, `where(resolve() is T)`. */
const STEP =
  /\.(?:where\(\s*(?:(?<field>[A-Za-z]+)\s*=\s*'(?<text>[^'"\\]*)'\s*|resolve\(\) is (?<target>[A-Za-z]+))\)|extension\(\s*'(?<url>[^'"\\]*)'\s*\)|(?<name>[A-Za-z]+)(?:\.ofType\((?<cast>[A-Za-z]+)\))?)/y;

/** What the index only hashes or splits: its order comes from the content. */
const BY_CONTENT: readonly string[] = ['token', 'reference', 'uri'];
const BY_INDEX: readonly string[] = ['date', 'string', 'number', 'quantity'];

/** Whether a search can be sorted by the parameter. */
export function isSortable({ types }: Definitions, type: string, def: SearchParamDef): boolean {
  if (def.code === '_id' || def.code === '_lastUpdated') return true;
  if (BY_INDEX.includes(def.type)) return def.expression !== '';
  return sortPath(type, def) !== undefined && hasOneName(types, type, def);
}

/**
 * Whether the path names elements as JSON does: a choice without its type (`Consent.source`) has
 * several names there. Where a name is none of the type's elements the path finds nothing.
 */
function hasOneName(types: Definitions['types'], type: string, { expression }: SearchParamDef) {
  let at: TypeDef | undefined = types.get(type);
  STEP.lastIndex = expression.indexOf('.');
  while (STEP.lastIndex < expression.length) {
    const { url, name = url && 'extension', cast } = STEP.exec(expression)?.groups ?? {};
    if (name === undefined) continue;
    const element = at?.elements.find((one) => one.name === name);
    if (!element || (element.choice && cast === undefined && name !== ANY)) return false;
    at = types.get(cast ?? element.types[0] ?? '');
  }
  return true;
}

/**
 * Where in the JSON a parameter's value stands, as a jsonpath (lax mode walks through arrays), or
 * undefined where its expression is more than a path. For sorting by what the index only hashes.
 */
export function sortPath(type: string, def: SearchParamDef): string | undefined {
  if (!BY_CONTENT.includes(def.type)) return undefined;
  const { expression } = def;
  const root = [type, 'Resource', 'DomainResource'].find((one) => expression.startsWith(`${one}.`));
  return root === undefined ? undefined : pathOf(expression, root.length);
}

/** The choice that parameters of one's own name without a type: `extension.where(..).value`. */
const ANY = 'value';
const ANY_VALUE = '.keyvalue() ? (@."key" like_regex "^value([A-Z]|$)")."value"';

function pathOf(expression: string, from: number): string | undefined {
  let path = '$';
  STEP.lastIndex = from;
  while (STEP.lastIndex < expression.length) {
    const { field, text, target, url, name, cast } = STEP.exec(expression)?.groups ?? {};
    if (field !== undefined) path += ` ? (@."${field}" == "${text}")`;
    else if (url !== undefined) path += `."extension" ? (@."url" == "${url}")`;
    else if (target !== undefined) path += ` ? (@."reference" like_regex "(^|/)${target}/")`;
    else if (name === ANY && cast === undefined) path += ANY_VALUE;
    else if (name !== undefined) path += `."${jsonName(name, cast)}"`;
    else return undefined;
  }
  return path;
}

/** `value.ofType(Quantity)` is `valueQuantity` in JSON. */
const jsonName = (name: string, cast: string | undefined): string =>
  cast === undefined ? name : `${name}${cast.charAt(0).toUpperCase()}${cast.slice(1)}`;
