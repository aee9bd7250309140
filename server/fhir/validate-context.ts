import type { Issue, JsonObject, JsonValue } from './types.ts';

/** A resource with what it contains: the reach of `#id` references (R4 2.3.0.6). */
export interface Scope {
  /** %rootResource: the resource that is not contained. */
  readonly root: JsonObject;
  /** Id -> type of the contained resources. */
  readonly contained: ReadonlyMap<string, string>;
  /** For dom-3; only kept where something is contained. */
  readonly uses: Uses | undefined;
}

export interface Uses {
  /** Ids that some `#id` in the scope names. */
  ids: Set<string>;
  /** Set when something in the contained resource in hand refers to its container (`#`). */
  container: boolean;
  /** Contained resources that refer to the container. */
  linked: Set<JsonObject>;
}

const NONE: ReadonlyMap<string, string> = new Map();

/** The scope of a resource that stands by itself. */
export function scopeOf(resource: JsonObject): Scope {
  const list = resource.contained;
  if (!Array.isArray(list)) return { root: resource, contained: NONE, uses: undefined };
  const contained = new Map<string, string>();
  for (const item of list) {
    if (!isObject(item)) continue;
    const { id, resourceType } = item;
    if (typeof id === 'string' && typeof resourceType === 'string') contained.set(id, resourceType);
  }
  const uses = { ids: new Set<string>(), container: false, linked: new Set<JsonObject>() };
  return { root: resource, contained, uses };
}

const HOPELESS = 10_000;

export interface ContextLimits {
  maxIssues: number;
  /** Objects and arrays within one another. */
  maxLevels: number;
  conditionalReferences: boolean;
}

/**
 * What one validation carries along: the path to the element in hand, kept as a stack so that it
 * costs nothing until an issue needs it, and the issues found.
 */
export class Context {
  readonly limits: ContextLimits;
  /** The resource in hand (%resource). */
  resource: JsonObject;
  scope: Scope;
  depth = 0;
  /** How deep the element in hand lies in JSON, where a repetition lies in an array too. */
  levels = 0;
  private readonly names: string[] = [];
  private readonly indexes: number[] = [];
  private readonly found: Issue[] = [];
  private more = 0;

  constructor(resource: JsonObject, root: string, limits: ContextLimits) {
    this.limits = limits;
    this.resource = resource;
    this.scope = scopeOf(resource);
    this.enter(root, -1);
  }

  /** Goes down to an element; `index` is -1 for one that does not repeat. */
  enter(name: string, index: number): void {
    this.names[this.depth] = name;
    this.indexes[this.depth] = index;
    this.depth++;
    this.levels += index < 0 ? 1 : 2;
  }

  leave(): void {
    this.depth--;
    this.levels -= (this.indexes[this.depth] ?? -1) < 0 ? 1 : 2;
  }

  /** True once the list is full: further work on messages is wasted. */
  get full(): boolean {
    return this.found.length >= this.limits.maxIssues;
  }

  /** True where so much is wrong that looking further would only cost time. */
  get hopeless(): boolean {
    return this.more >= HOPELESS;
  }

  /** Reports a fault of the element in hand, or of its child `name` (and the `index` of that). */
  fail(code: string, diagnostics: string, name?: string, index = -1): void {
    if (this.full) {
      this.more++;
      return;
    }
    let expression = '';
    for (let i = 0; i < this.depth; i++) expression += segment(this.names[i], this.indexes[i]);
    if (name !== undefined) expression += segment(name, index);
    expression = expression.slice(1);
    const text = `${expression}: ${diagnostics}`;
    this.found.push({ severity: 'error', code, expression, diagnostics: text });
  }

  /** The issues, with a last one that counts those left out. */
  issues(): Issue[] {
    if (this.more === 0) return this.found;
    const more = this.hopeless ? `${HOPELESS} and` : this.more;
    const diagnostics = `${more} more errors are not listed; correct these ${this.found.length} and send again`;
    return [...this.found, { severity: 'error', code: 'too-long', diagnostics }];
  }
}

function segment(name = '', index = -1): string {
  return index < 0 ? `.${name}` : `.${name}[${index}]`;
}

/** True for a JSON object that is neither array nor null (a RawNumber passes: see validate-type.ts). */
export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
