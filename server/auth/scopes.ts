import { GRANULAR } from './scopes-granular.ts';

export { grantable } from './scopes-granular.ts';
export { describe } from './scopes-words.ts';

/**
 * Scopes (SMART App Launch 2.2, "Scopes and Launch Context"): what they mean, and how a list of
 * them is cut down. What does not follow the grammar gives nothing: it is never guessed at.
 */

export type Op = 'c' | 'r' | 'u' | 'd' | 's';

/** In the order in which they must be written. */
export const OPS: readonly Op[] = ['c', 'r', 'u', 'd', 's'];

export interface ResourceScope {
  context: 'patient' | 'user' | 'system';
  /** `*` for all, those of the future included. */
  type: string;
  ops: ReadonlySet<Op>;
  /** Granular: decoded, all of them must fit. */
  query: readonly (readonly [name: string, value: string])[];
  /** 1 for `.read`, `.write` and `.*`. */
  version: 1 | 2;
  /** As it was asked for, which is how it is echoed. */
  text: string;
}

export interface ParsedScopes {
  scopes: ResourceScope[];
  /** `launch`, `launch/patient`, `launch/encounter`, .. as they were asked for. */
  launch: string[];
  identity: { openid: boolean; fhirUser: boolean; offline: boolean; online: boolean };
  /** What follows no rule, as it was asked for. */
  refused: string[];
}

/** More than this nobody can consent to. */
const MAX_SCOPES = 200;
const MAX_VALUE = 1000;

const V1: Readonly<Record<string, readonly Op[]>> = {
  read: ['r', 's'],
  write: ['c', 'u', 'd'],
  '*': OPS,
};

/** RFC 6749 3.3: the characters of a scope. */
const TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/;
const RESOURCE = /^(patient|user|system)\/(\*|[A-Z][A-Za-z]*)\.([^?]*)(?:\?(.*))?$/;
const LETTERS = /^c?r?u?d?s?$/;
const LAUNCH = /^launch(?:\/[a-z]+(?:\?role=[^?&=]+)?)?$/;

const IDENTITY: Readonly<Record<string, keyof ParsedScopes['identity']>> = {
  openid: 'openid',
  fhirUser: 'fhirUser',
  offline_access: 'offline',
  online_access: 'online',
};

/** Reads a list of scopes that spaces separate; each counts once, however it is spelt. */
export function parseScopes(text: string): ParsedScopes {
  const parsed: ParsedScopes = {
    scopes: [],
    launch: [],
    identity: { openid: false, fhirUser: false, offline: false, online: false },
    refused: [],
  };
  const seen = new Set<string>();
  const tokens = new Set(text.split(' ').filter((token) => token !== ''));
  for (const token of tokens) parseToken(parsed, seen, token);
  return parsed;
}

function parseToken(parsed: ParsedScopes, seen: Set<string>, token: string): void {
  const identity = Object.hasOwn(IDENTITY, token) ? IDENTITY[token] : undefined;
  const scope = parseScope(token);
  if (identity) parsed.identity[identity] = true;
  else if (LAUNCH.test(token) && TOKEN.test(token)) parsed.launch.push(token);
  else if (!scope || seen.size >= MAX_SCOPES) parsed.refused.push(token);
  else if (!seen.has(keyOf(scope))) {
    seen.add(keyOf(scope));
    parsed.scopes.push(scope);
  }
}

/** One scope for resources, or undefined where the text is none. */
export function parseScope(text: string): ResourceScope | undefined {
  if (!TOKEN.test(text)) return undefined;
  const [, context, type, letters = '', search] = RESOURCE.exec(text) ?? [];
  if (context === undefined || type === undefined) return undefined;
  const old = Object.hasOwn(V1, letters) && search === undefined ? V1[letters] : undefined;
  const ops = old ?? (LETTERS.test(letters) ? (letters.split('') as Op[]) : []);
  const query = search === undefined ? [] : parseGranular(search);
  if (ops.length === 0 || !query) return undefined;
  return {
    context: context as ResourceScope['context'],
    ...{ type, ops: new Set(ops), query, version: old ? 1 : 2, text },
  };
}

/** `name=value&..`, percent-encoded or not; undefined where a part of it is not understood. */
function parseGranular(search: string): [string, string][] | undefined {
  const pairs = new Map<string, [string, string]>();
  for (const part of search.split('&')) {
    const [name, value] = part.split(/=(.*)/s).map(decoded);
    if (name === undefined || !GRANULAR.has(name) || !isValue(value)) return undefined;
    pairs.set(`${name}=${value}`, [name, value]);
  }
  return [...pairs.values()];
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Without what escapes a comma (R4 3.1.1.4.19): each comma separates alternatives. */
const isValue = (value: string | undefined): value is string =>
  value !== undefined &&
  value.length <= MAX_VALUE &&
  !/[\p{Cc}\\]/u.test(value) &&
  value.split(',').every((one) => one.trim() !== '');

/** Equal for scopes that say the same. */
function keyOf({ context, type, ops, query }: ResourceScope): string {
  return JSON.stringify([
    context,
    type,
    lettersOf(ops),
    query.map((pair) => pair.join('=')).sort(),
  ]);
}

const lettersOf = (ops: ReadonlySet<Op>): string => OPS.filter((op) => ops.has(op)).join('');

/** As little is encoded as a scope allows, so that systems stay readable. */
const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/%(?:3A|2F|7C|2C)/g, decodeURIComponent);

/** A scope in the words of its version; v1 has none for a part of its meanings. */
function printed(scope: Omit<ResourceScope, 'text'>): ResourceScope {
  const letters = lettersOf(scope.ops);
  const plain = scope.version === 1 && scope.query.length === 0;
  const old = plain && Object.entries(V1).find(([, ops]) => ops.join('') === letters)?.[0];
  const search = scope.query.map(([name, value]) => `${name}=${encoded(value)}`).join('&');
  const text = `${scope.context}/${scope.type}.${old || letters}${search && `?${search}`}`;
  return { ...scope, version: old ? 1 : 2, text };
}

/**
 * What was asked for and is allowed: each scope as it was asked for where all of it is allowed, else
 * the parts of it that are.
 */
export function narrow(
  asked: readonly ResourceScope[],
  allowed: readonly ResourceScope[],
): ResourceScope[] {
  const parts = asked.flatMap((scope) =>
    isNarrower([scope], allowed) ? [scope] : allowed.flatMap((most) => common(scope, most)),
  );
  const unique = [...new Map(parts.map((scope) => [keyOf(scope), scope])).values()];
  const isAsked = new Set(asked);
  const says = (one: ResourceScope, at: number, scope: ResourceScope, i: number): boolean =>
    at !== i && covers(one, scope) && (at < i || !covers(scope, one));
  return unique.filter(
    (scope, i) => isAsked.has(scope) || !unique.some((one, at) => says(one, at, scope, i)),
  );
}

/** What two scopes have in common, or nothing. */
function common(asked: ResourceScope, most: ResourceScope): ResourceScope[] {
  const { context, version } = asked;
  const type = asked.type === '*' ? most.type : asked.type;
  const ops = new Set([...asked.ops].filter((op) => most.ops.has(op)));
  if (context !== most.context || ops.size === 0) return [];
  if (type !== most.type && most.type !== '*') return [];
  const added = most.query.filter((pair) => !impliedBy(asked, pair));
  return [printed({ context, type, ops, query: [...asked.query, ...added], version })];
}

/** Whether nothing is asked for that was not granted. */
export function isNarrower(
  asked: readonly ResourceScope[],
  granted: readonly ResourceScope[],
): boolean {
  return asked.every((scope) =>
    [...scope.ops].every((op) => granted.some((one) => one.ops.has(op) && reaches(one, scope))),
  );
}

const covers = (wide: ResourceScope, scope: ResourceScope): boolean =>
  reaches(wide, scope) && [...scope.ops].every((op) => wide.ops.has(op));

/** Whether it holds for every resource that the other holds for. */
const reaches = (wide: ResourceScope, scope: ResourceScope): boolean =>
  wide.context === scope.context &&
  (wide.type === '*' || wide.type === scope.type) &&
  wide.query.every((pair) => impliedBy(scope, pair));

/** Whether what the scope holds for fits this criterion anyway; commas separate alternatives. */
function impliedBy({ query }: ResourceScope, [name, value]: readonly [string, string]): boolean {
  const wide = value.split(',');
  return query.some(
    (pair) =>
      pair[0] === name &&
      pair[1].split(',').every((one) => wide.some((other) => isSameOrCode(one, other))),
  );
}

/** `code` stands for the code in any system (R4 3.1.1.4.10). */
const isSameOrCode = (token: string, wide: string): boolean =>
  token === wide || (!wide.includes('|') && token.endsWith(`|${wide}`));

/** All that was understood, as a token response lists it. */
export function printScopes({ scopes, launch, identity }: Omit<ParsedScopes, 'refused'>): string {
  const names = Object.entries(IDENTITY).filter(([, name]) => identity[name]);
  return [...names.map(([text]) => text), ...launch, ...scopes.map(({ text }) => text)].join(' ');
}

/** `narrow` of whole lists, in which the words that are no resource scopes stand on both sides. */
export function narrowText(asked: string, allowed: string): string {
  const left = parseScopes(asked);
  const right = parseScopes(allowed);
  const { openid, fhirUser, offline, online } = left.identity;
  return printScopes({
    scopes: narrow(left.scopes, right.scopes),
    launch: left.launch.filter((one) => right.launch.includes(one)),
    identity: {
      openid: openid && right.identity.openid,
      fhirUser: fhirUser && right.identity.fhirUser,
      offline: offline && right.identity.offline,
      online: online && right.identity.online,
    },
  });
}

/** `isNarrower` of whole lists: what a refresh may ask for (RFC 6749 6). */
export function isNarrowerText(asked: string, granted: string): boolean {
  const left = parseScopes(asked);
  const right = parseScopes(granted);
  return (
    left.refused.every((one) => right.refused.includes(one)) &&
    left.launch.every((one) => right.launch.includes(one)) &&
    Object.values(IDENTITY).every((name) => !left.identity[name] || right.identity[name]) &&
    isNarrower(left.scopes, right.scopes)
  );
}
