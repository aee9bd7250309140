import type { Definitions } from '../../server/fhir/definitions.ts';
import { stringify } from '../../server/fhir/json.ts';
import type { JsonObject, JsonValue, Resource } from '../../server/fhir/types.ts';
import type { XmlCodec } from '../../server/fhir/xml.ts';
import type { Ask } from '../helpers/http.ts';
import { bent, damaged, pointerIn, wrongJson } from './fuzz-json.ts';
import { nasty, type Random } from './fuzz-random.ts';
import { wrongQuery } from './fuzz-search.ts';
import { wrongXml } from './fuzz-xml.ts';

/** One request, by its path below the base. */
export interface Shot {
  url: string;
  ask: Ask;
}

export interface Arsenal {
  random: Random;
  definitions: Definitions;
  xml: XmlCodec;
  /** Sound resources, of all kinds, small. */
  resources: readonly Resource[];
  /** `Type/id` of resources on the server, which patches aim at; searches find them. */
  targets: readonly Resource[];
}

type Maker = (arsenal: Arsenal) => Shot;

const XML = { 'Content-Type': 'application/fhir+xml' };

const create: Maker = ({ random, resources }) => {
  const resource = random.pick(resources);
  const body = wrongJson(random, resource);
  return { url: resource.resourceType, ask: { method: 'POST', body } };
};

const createXml: Maker = ({ random, resources, xml }) => {
  const resource = random.pick(resources);
  const body = wrongXml(random, xml, resource);
  return { url: resource.resourceType, ask: { method: 'POST', body, headers: XML } };
};

const update: Maker = ({ random, targets }) => {
  const resource = random.pick(targets);
  const url = `${resource.resourceType}/${resource.id}`;
  return { url, ask: { method: 'PUT', body: wrongJson(random, resource) } };
};

const jsonPatch: Maker = ({ random, targets }) => {
  const target = random.pick(targets);
  const pointer = (): string => {
    if (random.chance(0.8))
      return pointerIn(random, target) + random.pick(['', '', '', '/-', '/0']);
    return `/${random.pick([...nasty, '-', '~1', '~2', '/', 'name/99999999999'])}`;
  };
  const operation = (): JsonObject => ({
    op: random.pick(['add', 'remove', 'replace', 'move', 'copy', 'test', 'remove', 'frob']),
    path: pointer(),
    from: pointer(),
    value: random.pick<JsonValue>(['x', true, '2020-01-01', ...Object.values(target)]),
  });
  const operations = Array.from({ length: 1 + random.below(4) }, operation);
  const text = stringify(random.chance(0.3) ? bent(random, operations) : operations);
  return {
    url: `${target.resourceType}/${target.id}`,
    ask: {
      method: 'PATCH',
      body: random.chance(0.1) ? damaged(random, text) : text,
      headers: { 'Content-Type': 'application/json-patch+json' },
    },
  };
};

const expressions = [
  ...['name', 'name[0]', 'name.given', 'extension', "extension('http://x')", 'where(true)', 'id'],
  ...['name[99999999999]', 'name[-1]', 'name.first()', 'name.where(use = "x")', 'descendants()'],
  ...["name.where(family.matches('^(a+)+$'))", 'repeat($this)', 'resolve()', '%context', 'meta'],
  ...['name.where(', '((((((', 'name..given', '1/0', '@2020', '{}', '$this', 'now()', 'text.div'],
  ...["identifier.where(system='http://x' and value='y')", 'Patient', '`name`', 'a'.repeat(5000)],
];

const fhirpathPatch: Maker = ({ random, targets }) => {
  const { resourceType, id } = random.pick(targets);
  const part: JsonValue[] = [
    { name: 'type', valueCode: random.pick(['add', 'insert', 'delete', 'replace', 'move', 'x']) },
    { name: 'path', valueString: `${resourceType}.${random.pick(expressions)}` },
    {
      name: 'name',
      valueString: random.pick(['name', 'id', 'meta', 'extension', '__proto__', '']),
    },
    { name: 'index', valueInteger: random.pick([0, 1, -1, 2 ** 31 - 1]) },
    { name: 'source', valueInteger: 0 },
    { name: 'destination', valueInteger: random.pick([0, 7]) },
    { name: 'value', valueString: random.pick(nasty) },
  ];
  const body: JsonObject = { resourceType: 'Parameters', parameter: [{ name: 'operation', part }] };
  const text = stringify(random.chance(0.5) ? bent(random, body) : body);
  return { url: `${resourceType}/${id}`, ask: { method: 'PATCH', body: text } };
};

function entryOf({ random, resources, targets }: Arsenal): JsonObject {
  const resource = random.pick(random.chance(0.7) ? resources : targets);
  const { resourceType, id } = resource;
  const urls = [resourceType, resourceType, `${resourceType}/${id}`, `${resourceType}?_id=${id}`];
  const method = random.pick(['POST', 'POST', 'PUT', 'DELETE', 'GET', 'PATCH', 'HEAD']);
  const request: JsonObject = { method, url: random.pick([...urls, ...nasty]) };
  if (random.chance(0.1)) request.ifNoneExist = random.pick(nasty);
  if (random.chance(0.1)) request.ifMatch = random.pick(['W/"1"', 'W/"x"', '*', ...nasty]);
  const fullUrl = random.pick<string>([
    ...['urn:uuid:7d3d2c6e-0d8a-4c0b-9f0e-6f8f2f7d1a11', 'urn:uuid:x', 'http://x/Patient/1'],
    ...nasty,
  ]);
  const sound = random.chance(0.8);
  const entry: JsonObject = { fullUrl, request };
  if (method !== 'GET' && method !== 'DELETE') {
    entry.resource = sound ? resource : bent(random, resource);
  }
  return entry;
}

const bundle: Maker = (arsenal) => {
  const { random } = arsenal;
  const entry = Array.from({ length: random.below(5) }, () => entryOf(arsenal));
  const type = random.pick(['transaction', 'transaction', 'batch', 'history', 'document', 'x']);
  const body: JsonObject = { resourceType: 'Bundle', type, entry };
  const text = stringify(random.chance(0.3) ? bent(random, body) : body);
  return {
    url: '',
    ask: { method: 'POST', body: random.chance(0.1) ? damaged(random, text) : text },
  };
};

const search: Maker = ({ random, definitions, targets }) => {
  const type = random.pick(targets).resourceType;
  const query = wrongQuery(random, definitions, type);
  if (random.chance(0.8)) {
    const path = random.pick([type, type, type, `${type}/_history`, '', `Patient/x/${type}`]);
    return { url: `${path}?${query}`, ask: {} };
  }
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
  return { url: `${type}/_search`, ask: { method: 'POST', body: query, headers } };
};

const conditional: Maker = ({ random, definitions, resources }) => {
  const resource = random.pick(resources);
  const type = resource.resourceType;
  const query = wrongQuery(random, definitions, type);
  const method = random.pick(['PUT', 'DELETE', 'PATCH']);
  if (method === 'DELETE') return { url: `${type}?${query}&_id=nobody`, ask: { method } };
  return { url: `${type}?${query}`, ask: { method, body: wrongJson(random, resource) } };
};

const headerNames = [
  ...['If-Match', 'If-None-Match', 'If-None-Exist', 'If-Modified-Since', 'If-Unmodified-Since'],
  ...['Prefer', 'Accept', 'Content-Type', 'Accept-Charset', 'Accept-Encoding', 'Range', 'Cookie'],
  ...['X-Request-Id', 'Authorization', 'Content-Encoding', 'X-HTTP-Method-Override', 'Origin'],
];

const headers: Maker = ({ random, targets }) => {
  const target = random.pick(targets);
  const { resourceType, id } = target;
  const values = [
    '*',
    'W/"1"',
    '"1"',
    'W/"',
    'return=x',
    'handling=lenient',
    'respond-async',
    'q=0',
  ];
  const dates = ['Wed, 21 Oct 2015 07:28:00 GMT', '99999', 'application/fhir+json; fhirVersion=9'];
  const printable = nasty.map((text) => text.replace(/[^ -~]/g, '').slice(0, 3000));
  const some = Array.from({ length: 1 + random.below(3) }, () => [
    random.pick(headerNames),
    random.pick([...values, ...dates, ...printable]),
  ]);
  const method = random.pick(['GET', 'GET', 'PUT', 'HEAD', 'OPTIONS', 'POST']);
  const body = method === 'PUT' || method === 'POST' ? { body: stringify(target) } : {};
  const url = method === 'POST' ? resourceType : `${resourceType}/${id}`;
  return { url, ask: { method, headers: Object.fromEntries(some), ...body } };
};

const path: Maker = ({ random, targets }) => {
  const words = [...nasty.map(encodeURIComponentSafely), '%zz', '_history', '_search', '$x', '..'];
  const { resourceType, id } = random.pick(targets);
  const known = [resourceType, String(id), '_history', '1', 'metadata', 'Patient', '*'];
  const steps = Array.from({ length: 1 + random.below(5) }, () =>
    random.pick(random.chance(0.6) ? known : words),
  );
  const method = random.pick(['GET', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PATCH', 'BREW']);
  return { url: steps.join('/').slice(0, 8000), ask: { method } };
};

const encodeURIComponentSafely = (text: string): string => encodeURIComponent(text.toWellFormed());

const makers: readonly Maker[] = [
  ...[create, create, create, createXml, createXml, update, update, jsonPatch, fhirpathPatch],
  ...[bundle, bundle, search, search, search, conditional, headers, path],
];

/** The next request of an attack; which one, the arsenal's chance says. */
export function shoot(arsenal: Arsenal): Shot {
  return arsenal.random.pick(makers)(arsenal);
}
