import fc from 'fast-check';
import type { JsonObject } from '../../server/fhir/types.ts';
import {
  anyN,
  anyName,
  anySide,
  idOf,
  type Resource,
  referencesOf,
  resourceOf,
  type Side,
  TYPES,
} from './two-tenants.ts';

/** Random requests of every interaction by somebody of one side, most of them about the other. */

export interface Request {
  method: string;
  /** Below the base. */
  url: string;
  body?: JsonObject | string;
  headers?: Record<string, string>;
}

const get = (url: string): Request => ({ method: 'GET', url });
const anyType = fc.constantFrom(...TYPES);
const SHARED = ['Organization', 'Practitioner', 'Group', 'CareTeam'];
const anyRoot = fc.constantFrom(...TYPES, ...SHARED);

type Param = readonly [name: string, value: string];

/** Ends of chains; marks are asked for by their beginnings, so that none is echoed. */
const leafOf = (type: string): fc.Arbitrary<Param> =>
  fc.oneof(
  fc.tuple(anySide, anyN).map(([side, n]): Param => ['_id', idOf(side, type, n)]),
  fc.constant<Param>(['_text', 'zqb']),
  fc.constantFrom<Param>(['_lastUpdated', 'gt2000-01-01'], ['_tag', 'urn:tag|'], ['_tag:text', 'zqb']),
);

/** A reference parameter of the type, with the type that it is followed to. */
function wayFrom(type: string): fc.Arbitrary<{ code: string; to: string }> | undefined {
  const ways = referencesOf(type).flatMap(({ code, targets }) =>
    targets.map((to) => ({ code, to })),
  );
  return ways.length > 0 ? fc.constantFrom(...ways) : undefined;
}

/** A chain from the type, some links long. */
function chainFrom(type: string, links: number): fc.Arbitrary<Param> {
  const way = wayFrom(type);
  if (!way || links === 0) return leafOf(type);
  return way.chain(({ code, to }) =>
    fc
      .oneof(leafOf(to), chainFrom(to, links - 1))
      .map(([name, value]): Param => [`${code}:${to}.${name}`, value]),
  );
}

/** Who refers to the type, and by what. */
function referring(type: string): fc.Arbitrary<{ source: string; code: string }> | undefined {
  const all = TYPES.flatMap((source) =>
    referencesOf(source).flatMap(({ code, targets }) =>
      targets.includes(type) ? [{ source, code }] : [],
    ),
  );
  return all.length > 0 ? fc.constantFrom(...all) : undefined;
}

function hasOf(type: string): fc.Arbitrary<Param> {
  const from = referring(type);
  if (!from) return leafOf(type);
  return from.chain(({ source, code }) =>
    fc
      .oneof(leafOf(source), chainFrom(source, 1))
      .map(([name, value]): Param => [`_has:${source}:${code}:${name}`, value]),
  );
}

function criterion(type: string): fc.Arbitrary<Param> {
  const way = wayFrom(type);
  const to = way?.chain(({ code, to: target }) =>
    fc.tuple(anySide, anyN).map(([side, n]): Param => [code, `${target}/${idOf(side, target, n)}`]),
  );
  const missing = way?.map(({ code }): Param => [`${code}:missing`, 'false']);
  const level = fc
    .tuple(anySide, anyN, fc.constantFrom('above', 'below'))
    .map(([side, n, direction]): Param => [
      type === 'Encounter' ? `part-of:${direction}` : '_id',
      type === 'Encounter' ? `Encounter/${idOf(side, 'Encounter', n)}` : idOf(side, type, n),
    ]);
  const ofList = fc
    .tuple(anySide, anyN)
    .map(([side, n]): Param => ['_list', idOf(side, 'List', n)]);
  const filter = leafOf(type).map(([, value]): Param => ['_filter', `_id eq ${value.replace(/\W/g, '')}`]);
  const more = [to, missing].filter((one) => one !== undefined);
  // Joins are where one resource could tell of another.
  return fc.oneof(
    { weight: 5, arbitrary: chainFrom(type, 2) },
    { weight: 5, arbitrary: hasOf(type) },
    ...[leafOf(type), level, ofList, filter, ...more].map((arbitrary) => ({ weight: 1, arbitrary })),
  );
}

function control(type: string): fc.Arbitrary<Param> {
  const way = wayFrom(type)?.map(({ code }): Param => ['_include', `${type}:${code}`]);
  const back = referring(type)?.map(({ source, code }): Param => ['_revinclude', `${source}:${code}`]);
  const fixed = fc.constantFrom<Param>(
    ...([['_include', '*'], ['_revinclude', '*'], ['_include:iterate', '*']] as const),
    ...([['_revinclude:iterate', '*'], ['_sort', '_id'], ['_sort', '-_lastUpdated']] as const),
    ...([['_total', 'accurate'], ['_total', 'estimate'], ['_summary', 'count']] as const),
    ...([['_summary', 'true'], ['_elements', 'text,meta'], ['_count', '1'], ['_count', '2']] as const),
  );
  return fc.oneof(fixed, ...[way, back].filter((one) => one !== undefined));
}

const printed = (params: readonly Param[]): string =>
  new URLSearchParams(params.map(([name, value]) => [name, value])).toString();

const once = (params: readonly Param[]): Param[] => [
  ...new Map(
    params.map((one) => [one[0].startsWith('_') && !/clude|_has/.test(one[0]) ? one[0] : one.join(), one]),
  ).values(),
];

const queryOf = (type: string): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.oneof(
        { weight: 1, arbitrary: fc.constant<Param[]>([]) },
        { weight: 4, arbitrary: criterion(type).map((one) => [one]) },
        { weight: 1, arbitrary: fc.tuple(criterion(type), criterion(type)) },
      ),
      fc.array(control(type), { maxLength: 3 }),
    )
    .map(([where, controls]) => printed(once([...where, ...controls])));

const searches: fc.Arbitrary<Request> = fc.oneof(
  { weight: 6, arbitrary: anyRoot.chain((type) => queryOf(type).map((query) => get(`${type}?${query}`))) },
  {
    weight: 1,
    arbitrary: anyRoot.chain((type) =>
      queryOf(type).map((body) => ({
        ...{ method: 'POST', url: `${type}/_search`, body },
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      })),
    ),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('Patient', 'Encounter', 'Practitioner'), anySide, anyN, fc.constantFrom('*', ...TYPES))
      .chain(([root, side, n, type]) => {
        const id = root === 'Practitioner' ? `doctor-${side}` : idOf(side, root, n);
        const query = fc.array(control(type === '*' ? 'Patient' : type), { maxLength: 2 });
        return query.map((params) => get(`${root}/${id}/${type}?${printed(once(params))}`));
      }),
  },
  { weight: 1, arbitrary: leafOf('List').map((param) => get(`?_type=Observation,List,Patient&${printed([param])}`)) },
);

const reads: fc.Arbitrary<Request> = fc
  .tuple(anyName, fc.constantFrom('', '', '/_history', '/_history?_count=1', '/_history/1', '/_history/2'))
  .map(([name, behind]) => get(`${name}${behind}`));

/** The bytes of Binaries, and what is about them. */
const files: fc.Arbitrary<Request> = fc
  .tuple(
    ...([anySide, anyN] as const),
    fc.constantFrom<Record<string, string>>(
      ...[{}, { Accept: '*/*' }, { Accept: 'text/*' }, { Accept: 'text/*', Range: 'bytes=0-1' }],
      ...[{ Accept: 'text/*', 'If-None-Match': 'W/"1"' }, { 'If-None-Match': '*' }],
    ),
    fc.constantFrom('GET', 'HEAD'),
  )
  .map(([side, n, headers, method]) => ({
    ...{ method, url: `Binary/${idOf(side, 'Binary', n)}`, headers },
  }));

const records: fc.Arbitrary<Request> = fc
  .tuple(
    fc.constantFrom('Patient', 'Encounter'),
    ...([anySide, anyN] as const),
    fc.constantFrom('', '?_count=3', '?_type=Observation,Condition&_count=1', '?_type=Practitioner'),
  )
  .map(([type, side, n, query]) => get(`${type}/${idOf(side, type, n)}/$everything${query}`));

const histories = fc.constantFrom(get('_history'), get('Observation/_history'), get('List/_history'));

/** Own content, under whatever name. */
const contentOf = (side: Side, type: string): fc.Arbitrary<Resource> =>
  fc.tuple(anySide, anyN).chain(([of, n]) =>
    resourceOf(side, type === 'Patient' ? 'Flag' : type, n).map((resource) => ({
      ...resource,
      id: idOf(of, resource.resourceType, n),
    })),
  );

const patchTo = (resource: string, name: string): string => {
  const element = resource.startsWith('Binary/') ? 'securityContext' : 'subject';
  return JSON.stringify([{ op: 'replace', path: `/${element}/reference`, value: name }]);
};

/** A write; `text` is its criteria. */
function writesOf(side: Side): fc.Arbitrary<Request> {
  return fc
    .tuple(anyType.chain((type) => contentOf(side, type)), anyName, anySide)
    .chain(([resource, name, of]) => {
      const { resourceType: type, id, ...rest } = resource;
      const body = resource as unknown as JsonObject;
      const create = { resourceType: type, ...rest } as unknown as JsonObject;
      const patch = { body: patchTo(name, `Patient/${of}`), headers: { 'Content-Type': 'application/json-patch+json' } };
      return criterion(type).chain((param) => {
        const criteria = printed([param]);
        return fc.constantFrom<Request>(
          { method: 'POST', url: type, body: create },
          { method: 'POST', url: type, body: create, headers: { 'If-None-Exist': criteria } },
          { method: 'PUT', url: `${type}/${id}`, body },
          { method: 'PUT', url: `${type}/${id}`, body, headers: { 'If-None-Match': '*' } },
          { method: 'PUT', url: `${type}/${id}`, body, headers: { 'If-Match': 'W/"1"' } },
          { method: 'PUT', url: `${type}?${criteria}`, body: create },
          { method: 'PATCH', url: name, ...patch },
          { method: 'PATCH', url: `${type}?${criteria}`, ...patch },
          { method: 'DELETE', url: name },
          { method: 'DELETE', url: name, headers: { 'If-Match': 'W/"1"' } },
          { method: 'DELETE', url: `${type}?${criteria}` },
        );
      });
    });
}

/** As an entry of a bundle; patches have no place there. */
const entryOf = ({ method, url, body, headers = {} }: Request): JsonObject[] => {
  if (method === 'PATCH' || url.includes('_search')) return [];
  const more: JsonObject = {};
  if (headers['If-None-Exist']) more['ifNoneExist'] = headers['If-None-Exist'];
  if (headers['If-Match']) more['ifMatch'] = headers['If-Match'];
  if (headers['If-None-Match']) more['ifNoneMatch'] = headers['If-None-Match'];
  const resource = typeof body === 'object' ? { resource: body } : {};
  return [{ ...resource, request: { method, url, ...more } }];
};

function bundlesOf(side: Side): fc.Arbitrary<Request> {
  const entries = fc.array(fc.oneof(searches, reads, writesOf(side)), { minLength: 1, maxLength: 4 });
  return fc.tuple(fc.constantFrom('batch', 'transaction'), entries).map(([type, list]) => ({
    ...{ method: 'POST', url: '' },
    body: { resourceType: 'Bundle', type, entry: list.flatMap(entryOf) },
  }));
}

/** What somebody of the side may send. */
export const requestsOf = (side: Side): fc.Arbitrary<Request> =>
  fc.oneof(
    { weight: 10, arbitrary: searches },
    { weight: 3, arbitrary: reads },
    { weight: 1, arbitrary: files },
    { weight: 3, arbitrary: records },
    { weight: 1, arbitrary: histories },
    { weight: 4, arbitrary: writesOf(side) },
    { weight: 2, arbitrary: bundlesOf(side) },
  );
