/** Links between the entries of a transaction: found once, written when the ids are known. */
import type { PlannedEntry } from './bundle-entry.ts';
import type { LinkKind, LinkOwner, LinkWalker } from './bundle-links.ts';
import { containerPaths, rewriteNarrative, writeLink } from './bundle-links.ts';
import { isObject } from './json.ts';
import { quote } from './primitive.ts';
import { parseReference } from './reference.ts';
import type { Issue, JsonValue, Resource } from './types.ts';

/** What a link text means inside the bundle. */
interface Match {
  target: PlannedEntry;
  /** `#..` after the url. */
  fragment: string;
  versioned: boolean;
}

interface Spot {
  entry: PlannedEntry;
  owner: LinkOwner;
  key: string | number;
}

export interface Links {
  /** Rewrites that wait for the ids: each writes one spot. */
  pending: (() => void)[];
  /** Conditional references (`Type?query`, as they are written) and where they stand. */
  conditions: ReadonlyMap<string, readonly Spot[]>;
  /** urn: references that no fullUrl explains. */
  dangling: Issue[];
}

const HISTORY = /\/_history\/[A-Za-z0-9.-]{1,64}$/;
const RESTFUL = /^(https?:\/\/.+)\/[A-Z][A-Za-z]*\/[A-Za-z0-9.-]{1,64}$/;

/**
 * Finds every link between entries (R4 2.36.4.1 and 3.1.0.11.2), every conditional reference and
 * every urn reference that leads nowhere.
 */
export function findLinks(entries: readonly PlannedEntry[], walk: LinkWalker): Links {
  const targets = new Map<string, PlannedEntry>();
  for (const entry of entries) {
    if (entry.fullUrl !== undefined && isTarget(entry)) targets.set(entry.fullUrl, entry);
  }
  const search: Search = { targets, pending: [], conditions: new Map(), dangling: [] };
  for (const entry of entries) {
    if (entry.patch?.kind === 'json') searchOperations(search, entry);
    else if (entry.resource) {
      const base = RESTFUL.exec(entry.fullUrl ?? '')?.[1];
      walk(entry.resource, (kind, owner, key, text) => {
        look(search, { entry, owner, key }, { kind, text, base });
      });
    }
  }
  return search;
}

/** Only what is there afterwards can be linked to. */
export const isTarget = (entry: PlannedEntry): boolean =>
  entry.operation === undefined &&
  (entry.method === 'POST' || entry.method === 'PUT' || entry.method === 'PATCH');

interface Search extends Links {
  targets: ReadonlyMap<string, PlannedEntry>;
  conditions: Map<string, Spot[]>;
}

interface Found {
  kind: LinkKind;
  text: string;
  /** Base of the entry's own fullUrl: relative links are relative to it. */
  base: string | undefined;
}

function look(search: Search, spot: Spot, found: Found): void {
  const { kind, text, base } = found;
  if (kind === 'narrative') {
    lookInNarrative(search, spot, found);
    return;
  }
  const match = matchLink(search.targets, text, base);
  if (match) {
    search.pending.push(() => writeLink(spot.owner, spot.key, linkText(match)));
  } else if (kind === 'reference') lookAtReference(search, spot, text);
}

/** The original xhtml is kept, so that a second attempt with other ids starts from it. */
function lookInNarrative(search: Search, spot: Spot, { text, base }: Found): void {
  if (!text.includes('href') && !text.includes('src')) return;
  const map = (link: string): string | undefined => {
    const match = matchLink(search.targets, link, base);
    return match && linkText(match);
  };
  if (rewriteNarrative(text, map) === undefined) return;
  search.pending.push(() => {
    writeLink(spot.owner, spot.key, rewriteNarrative(text, map) ?? text);
  });
}

function lookAtReference(search: Search, spot: Spot, text: string): void {
  if (text.includes('?') && parseReference(text).kind === 'conditional') {
    const spots = search.conditions.get(text);
    if (spots) spots.push(spot);
    else search.conditions.set(text, [spot]);
  } else if (text.startsWith('urn:uuid:') || text.startsWith('urn:oid:')) {
    search.dangling.push({
      severity: 'error',
      code: 'not-found',
      diagnostics:
        `No entry that is created or updated has the fullUrl ${quote(text)}. ` +
        'Add the entry, or refer to a stored resource as Type/id.',
      expression: spotPath(spot),
    });
  }
}

const pathsOf = new WeakMap<Resource, ReadonlyMap<LinkOwner, string>>();

/** FHIRPath of a spot: `Bundle.entry[3].resource.subject.reference`. For messages. */
export function spotPath({ entry, owner, key }: Spot): string {
  const prefix = `Bundle.entry[${entry.index}].resource`;
  const { resource } = entry;
  if (!resource) return prefix;
  // Kept per resource: a hostile one may have a hundred thousand spots that lead nowhere.
  let paths = pathsOf.get(resource);
  if (!paths) {
    paths = containerPaths(resource, prefix);
    pathsOf.set(resource, paths);
  }
  const path = paths.get(owner);
  if (path === undefined) return prefix;
  return Array.isArray(owner) ? `${path}[${key}]` : `${path}.${key}`;
}

function matchLink(
  targets: ReadonlyMap<string, PlannedEntry>,
  text: string,
  base: string | undefined,
): Match | undefined {
  const exact = targets.get(text);
  if (exact) return { target: exact, fragment: '', versioned: false };
  const colon = text.includes(':');
  if (!colon && base === undefined) return undefined;
  const hash = text.indexOf('#');
  const versioned = text.includes('/_history/');
  if (colon && hash < 0 && !versioned) return undefined;
  const fragment = hash < 0 ? '' : text.slice(hash);
  const plain = hash < 0 ? text : text.slice(0, hash);
  const url = versioned ? plain.replace(HISTORY, '') : plain;
  const target = targets.get(colon ? url : `${base}/${url}`);
  return target && { target, fragment, versioned: url !== plain };
}

/** "Version-specific references should remain as version-specific references" (R4 3.1.0.11.2). */
function linkText({ target, fragment, versioned }: Match): string {
  const version = versioned ? `/_history/${target.version ?? '1'}` : '';
  return `${target.type}/${target.id}${version}${fragment}`;
}

/** The values of a JSON Patch have no type: there, the property name `reference` must do. */
function searchOperations(search: Search, entry: PlannedEntry): void {
  if (entry.patch?.kind !== 'json') return;
  const base = RESTFUL.exec(entry.fullUrl ?? '')?.[1];
  const visit = (owner: LinkOwner, key: string, value: JsonValue): void => {
    if (typeof value === 'string' && key === 'reference') {
      look(search, { entry, owner, key }, { kind: 'reference', text: value, base });
    } else if (Array.isArray(value) || isObject(value)) {
      for (const [name, item] of Object.entries(value)) visit(value, name, item);
    }
  };
  for (const operation of entry.patch.operations) {
    const { value } = operation;
    if (typeof value === 'string' && operation.path.at(-1) === 'reference') {
      const owner = operation as unknown as LinkOwner;
      look(search, { entry, owner, key: 'value' }, { kind: 'reference', text: value, base });
    } else if (value !== undefined) visit([], '', value);
  }
}

/**
 * Writes all links, in place and into the operations of patches: first the store sets `id` (and
 * `version`) of every entry to what the conditions decided. May be called again after another
 * attempt with other ids.
 *
 * @param resolved what each of `conditions` means, e.g. `Practitioner/12`
 */
export function applyLinks(
  plan: { links: Links },
  resolved: ReadonlyMap<string, string> = new Map(),
): void {
  for (const write of plan.links.pending) write();
  for (const [condition, spots] of plan.links.conditions) {
    const text = resolved.get(condition);
    if (text !== undefined) for (const { owner, key } of spots) writeLink(owner, key, text);
  }
}
