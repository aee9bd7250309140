/** One entry of a batch or transaction, read and checked (R4 3.1.0.11, Bundle.entry.request). */
import { FhirError } from './error.ts';
import { isObject, parseJsonBytes } from './json.ts';
import type { Patch } from './patch.ts';
import { parsePatch } from './patch.ts';
import { quote } from './primitive.ts';
import { isId } from './reference.ts';
import type { Issue, JsonObject, JsonValue, Resource } from './types.ts';

export const methods = ['DELETE', 'POST', 'PUT', 'PATCH', 'GET', 'HEAD'] as const;
export type Method = (typeof methods)[number];

export interface PlannedEntry {
  /** Position in Bundle.entry. */
  index: number;
  method: Method;
  /** Relative to the base, without a slash in front: `Patient/1`, `Patient?name=x`, `$op`. */
  url: string;
  type?: string;
  /**
   * The id in the url; of a create the new one, and of a conditional update the one to use should
   * nothing match. The store overwrites it once it knows better, before `applyLinks`.
   */
  id?: string;
  /** The query after `?`, still encoded: conditional PUT, PATCH and DELETE, and GET. */
  criteria?: string;
  /** The version that version-specific links are to name; the store sets it (`1` where absent). */
  version?: string;
  fullUrl?: string;
  /** The resource to store, the Parameters of an operation, or the body of a patch. */
  resource?: Resource;
  patch?: Patch;
  /** The query of a conditional create, still encoded. */
  ifNoneExist?: string;
  /** The headers' texts as they are, e.g. `W/"2"`. */
  ifMatch?: string;
  ifNoneMatch?: string;
  ifModifiedSince?: string;
  /** Path of what is neither create, read, update, patch, delete nor search by type. */
  operation?: string;
}

export interface EntryOptions {
  /** Makes the id of a resource to be created. */
  newId: () => string;
  /** Own base urls without a slash at the end; absolute request urls below one become relative. */
  bases: readonly string[];
  /** True for the name of a resource type. */
  isType: (name: string) => boolean;
}

type Fault = (path: string, diagnostics: string, code?: string) => void;

const ID = '[A-Za-z0-9.-]{1,64}';
const TYPE = '[A-Z][A-Za-z]*';
const OPERATION = '\\$[A-Za-z][A-Za-z0-9-]*';
const HISTORY = `_history(?:/${ID})?`;
const STORED = `(?<type>${TYPE})(?:/(?<id>${ID}))?`;
/** The url forms of R4 3.1.0, per method; `rest` holds what makes it more than a type and an id. */
const forms: Record<'get' | 'post' | 'write', RegExp> = {
  get: new RegExp(
    `^(?:${STORED}(?<rest>/(?:${HISTORY}|${OPERATION}|${TYPE}|\\*))?|(?<root>metadata|_history|${OPERATION})?)$`,
  ),
  post: new RegExp(
    `^(?:${STORED}(?<rest>/(?:(?:${TYPE}/)?_search|${OPERATION}))?|(?<root>_search|${OPERATION}))$`,
  ),
  write: new RegExp(`^${STORED}$`),
};

/**
 * Reads one entry.
 * @throws FhirError `invalid` with every fault of the entry, expressions below `Bundle.entry[index]`
 */
export function readEntry(entry: JsonValue, index: number, options: EntryOptions): PlannedEntry {
  const issues: Issue[] = [];
  const fault: Fault = (path, diagnostics, code = 'invalid') => {
    const expression = `Bundle.entry[${index}]${path}`;
    issues.push({ severity: 'error', code, diagnostics, expression });
  };
  const planned = readRequest(entry, index, fault);
  if (planned && isObject(entry)) {
    const wrong = readTarget(planned, options);
    if (wrong !== undefined) fault('.request.url', wrong);
    readBody(planned, entry['resource'], fault);
    if (isCreate(planned)) planned.id = options.newId();
    else if (planned.method === 'PUT' && planned.criteria !== undefined) {
      planned.id = planned.resource?.id ?? options.newId();
    }
  }
  if (issues.length > 0 || !planned) throw new FhirError('invalid', issues);
  return planned;
}

/** True for POST of a resource to its type. */
export const isCreate = (entry: PlannedEntry): boolean =>
  entry.method === 'POST' && entry.operation === undefined;

const known = {
  entry: ['link', 'fullUrl', 'resource', 'search', 'request', 'response'],
  request: ['method', 'url', 'ifNoneMatch', 'ifModifiedSince', 'ifMatch', 'ifNoneExist'],
};
const ofEveryElement = ['id', 'extension', 'modifierExtension'];

/** A misspelt `ifNoneExist` would create what it should have found. */
function refuseUnknown(object: JsonObject, names: readonly string[], path: string, fault: Fault) {
  for (const name in object) {
    const bare = name.startsWith('_') ? name.slice(1) : name;
    if (names.includes(bare) || ofEveryElement.includes(bare)) continue;
    fault(path, `${quote(name)} is not one of its elements (${names.join(', ')}); remove it.`);
  }
}

function readRequest(entry: JsonValue, index: number, fault: Fault): PlannedEntry | undefined {
  if (!isObject(entry)) {
    fault('', 'An entry is an object with "request".', 'structure');
    return undefined;
  }
  const request = entry['request'];
  if (!isObject(request)) {
    fault('.request', 'In a batch or transaction every entry needs a request (bdl-3).', 'required');
    return undefined;
  }
  refuseUnknown(entry, known.entry, '', fault);
  refuseUnknown(request, known.request, '.request', fault);
  const method = methods.find((each) => each === request['method']);
  if (!method) fault('.request.method', `The method must be one of ${methods.join(', ')}.`);
  const url = text(request, 'url', fault);
  if (url === undefined) {
    fault('.request.url', 'A request needs a url, e.g. "Patient" or "Patient/123".', 'required');
  }
  if (!method || url === undefined) return undefined;
  const planned: PlannedEntry = { index, method, url };
  for (const name of ['ifMatch', 'ifNoneMatch', 'ifModifiedSince'] as const) {
    const value = text(request, name, fault);
    if (value !== undefined) planned[name] = value;
  }
  const fullUrl = entry['fullUrl'];
  if (typeof fullUrl === 'string' && fullUrl !== '') planned.fullUrl = fullUrl;
  else if (fullUrl !== undefined) fault('.fullUrl', 'fullUrl must be a uri that is not empty.');
  readIfNoneExist(planned, text(request, 'ifNoneExist', fault), fault);
  return planned;
}

function text(request: JsonObject, name: string, fault: Fault): string | undefined {
  const value = request[name];
  if (typeof value === 'string' || value === undefined) return value;
  fault(`.request.${name}`, `${name} must be a string.`);
  return undefined;
}

/** "The query portion (what comes after the ?)": clients also send the type and the mark. */
function readIfNoneExist(planned: PlannedEntry, value: string | undefined, fault: Fault): void {
  if (value === undefined) return;
  const query = value.slice(value.indexOf('?') + 1);
  if (planned.method !== 'POST') {
    fault('.request.ifNoneExist', 'ifNoneExist makes a create conditional: use it with POST only.');
  } else if (query === '') {
    fault('.request.ifNoneExist', 'ifNoneExist needs criteria, e.g. "identifier=http://x|1".');
  } else planned.ifNoneExist = query;
}

/** Fills in what the url says; answers what is wrong with it. */
function readTarget(planned: PlannedEntry, options: EntryOptions): string | undefined {
  const url = relative(planned.url, options.bases);
  if (url === undefined) {
    return `The url ${quote(planned.url)} is not below this server (${options.bases.join(', ')}).`;
  }
  planned.url = url;
  const mark = url.indexOf('?');
  const path = decode(mark < 0 ? url : url.slice(0, mark));
  const query = mark < 0 ? undefined : url.slice(mark + 1);
  if (path === undefined || (query !== undefined && decode(query) === undefined)) {
    return 'The url has a "%" that does not begin a percent-encoded UTF-8 character.';
  }
  const form = formOf(planned.method).exec(path)?.groups;
  if (!form) return `${quote(path)} is not a url that ${planned.method} takes in a bundle.`;
  const { type, id, rest } = form;
  if (type !== undefined && !options.isType(type))
    return `${quote(type)} is not a resource type of R4.`;
  if (type !== undefined) planned.type = type;
  if (id !== undefined) planned.id = id;
  if (query !== undefined) planned.criteria = query;
  if (type !== undefined && rest === undefined) return formFault(planned);
  planned.operation = path;
  return url === '' ? 'The url is empty; give a type, e.g. "Patient".' : undefined;
}

function relative(url: string, bases: readonly string[]): string | undefined {
  const base = bases.find((each) => url.startsWith(`${each}/`) || url === each);
  if (base !== undefined) return url.slice(base.length + 1);
  // RFC 3986 4.2: a relative path has no colon in its first segment.
  if (/^(?:[^/?]*:|\/\/)/.test(url)) return undefined;
  return url.startsWith('/') ? url.slice(1) : url;
}

function decode(encoded: string): string | undefined {
  if (!encoded.includes('%')) return encoded;
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}

function formOf(method: Method): RegExp {
  if (method === 'GET' || method === 'HEAD') return forms.get;
  return method === 'POST' ? forms.post : forms.write;
}

function formFault({ method, type, id, criteria }: PlannedEntry): string | undefined {
  if (method === 'GET' || method === 'HEAD') return undefined;
  if (method === 'POST') {
    if (id !== undefined)
      return `To store ${type}/${id} under its id use PUT; POST goes to ${type}.`;
    return criteria === undefined ? undefined : 'POST takes no query; use ifNoneExist.';
  }
  if (id === undefined && !criteria) {
    return `${method} needs an id ("${type}/123") or criteria ("${type}?identifier=..").`;
  }
  return id !== undefined && criteria ? `${method} takes an id or criteria, not both.` : undefined;
}

function readBody(planned: PlannedEntry, body: JsonValue | undefined, fault: Fault): void {
  const { method, operation } = planned;
  if (method === 'GET' || method === 'HEAD' || method === 'DELETE') return;
  if (isObject(body) && typeof body['resourceType'] === 'string') {
    planned.resource = body as Resource;
    if (method === 'PATCH') readPatch(planned, planned.resource, fault);
    else if (operation === undefined) checkResource(planned, planned.resource, fault);
  } else if (operation === undefined || body !== undefined) {
    fault('.resource', `${method} needs a resource with a resourceType.`, 'required');
  }
}

function checkResource(planned: PlannedEntry, resource: Resource, fault: Fault): void {
  const { method, type, id } = planned;
  if (type !== undefined && resource.resourceType !== type) {
    fault(
      '.request.url',
      `The url says ${type}, but the resource is a ${quote(resource.resourceType)}.`,
    );
  }
  if (resource.id !== undefined && (typeof resource.id !== 'string' || !isId(resource.id))) {
    if (method === 'PUT') fault('.resource.id', 'An id has 1 to 64 letters, digits, "-" and ".".');
  } else if (method === 'PUT' && id !== undefined && resource.id !== id) {
    const found = resource.id === undefined ? 'has none' : `has ${resource.id}`;
    fault(
      '.resource.id',
      `The id must be ${id} as in the url; the resource ${found} (R4 3.1.0.3).`,
    );
  }
}

/** R4 3.1.0.7.2: a JSON Patch travels in a Binary, a FHIRPath Patch as Parameters. */
function readPatch(planned: PlannedEntry, resource: Resource, fault: Fault): void {
  try {
    planned.patch = patchOf(resource);
  } catch (error) {
    if (!(error instanceof FhirError)) throw error;
    for (const { diagnostics, code, expression = '' } of error.issues) {
      const inner = expression.startsWith('Parameters')
        ? expression.slice('Parameters'.length)
        : '';
      fault(`.resource${inner}`, diagnostics, code);
    }
  }
}

/** @throws FhirError `invalid`, `unsupported-media` */
function patchOf(resource: Resource): Patch {
  if (resource.resourceType === 'Parameters') return parsePatch(resource);
  const { contentType, data } = resource;
  if (resource.resourceType === 'Binary' && typeof contentType === 'string') {
    const bytes = Buffer.from(typeof data === 'string' ? data : '', 'base64');
    return parsePatch(parseJsonBytes(bytes), contentType);
  }
  throw new FhirError(
    'invalid',
    'PATCH needs Parameters (FHIRPath Patch) or a Binary whose contentType is ' +
      'application/json-patch+json and whose data is the patch in base64.',
  );
}
