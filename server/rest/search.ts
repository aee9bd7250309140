import { isUtf8 } from 'node:buffer';
import { FhirError } from '../fhir/error.ts';
import type { SearchQuery } from '../fhir/query.ts';
import { type Compartment, compartmentTypes } from '../fhir/query-compartment.ts';
import { parseQuery } from '../fhir/query-parse.ts';
import { unknownElements } from '../fhir/summary.ts';
import type { Issue } from '../fhir/types.ts';
import type { SearchPage } from '../store/store.ts';
import type { Link } from './bundle-text.ts';
import { urlWith } from './bundle-text.ts';
import { explained } from './explain.ts';
import { bytesOf, hasBody } from './input.ts';
import type { Exchange, Parameters } from './request.ts';
import { decodeForm } from './request.ts';
import { answer, answerBundle } from './respond.ts';
import { requireAdmin } from './rights.ts';
import { entriesOf } from './searchset.ts';
import type { Service } from './service.ts';
import { unknownElement } from './shape.ts';
import { idOf, refuseNoType, typeOf, unknownOperation, unknownType } from './target.ts';
import { recordOperation } from './trail.ts';

/** GET [base]/[type]?[parameters] (R4 3.1.0.9). */
export async function searchType(service: Service, exchange: Exchange): Promise<Response> {
  const type = typeOf(service, exchange);
  return search(service, exchange, { type, parameters: exchange.query });
}

/** GET [base]?[parameters] (R4 3.1.0.9): all types, or those of `_type`. */
export async function searchSystem(service: Service, exchange: Exchange): Promise<Response> {
  return search(service, exchange, { parameters: exchange.query });
}

/** POST [base]/[type]/_search: parameters in the body, beside those of the URL (R4 3.1.0.9). */
export async function searchTypeByPost(service: Service, exchange: Exchange): Promise<Response> {
  const type = typeOf(service, exchange);
  return search(service, exchange, { type, parameters: await posted(service, exchange) });
}

/** POST [base]/_search. */
export async function searchSystemByPost(service: Service, exchange: Exchange): Promise<Response> {
  return search(service, exchange, { parameters: await posted(service, exchange) });
}

/** GET [base]/[compartment]/[id]/[type] or `/*` for all its types (R4 3.1.1.2). */
export async function searchCompartment(service: Service, exchange: Exchange): Promise<Response> {
  const compartment = compartmentOf(service, exchange);
  return search(service, exchange, { ...compartment, parameters: exchange.query });
}

/** POST [base]/[compartment]/[id]/[type]/_search; without a type for all of them. */
export async function searchCompartmentByPost(
  service: Service,
  exchange: Exchange,
): Promise<Response> {
  const compartment = compartmentOf(service, exchange);
  return search(service, exchange, {
    ...compartment,
    parameters: await posted(service, exchange),
  });
}

/** The compartment that the path names, and its type. Throws not-found. */
function compartmentOf(service: Service, exchange: Exchange): Pick<Asked, 'compartment' | 'type'> {
  const type = typeOf(service, exchange);
  const id = idOf(service, exchange);
  const other = exchange.part('other');
  if (other.startsWith('$')) throw unknownOperation(other);
  const inside = compartmentTypes(service.definitions, type);
  if (!inside) {
    const known = [...service.definitions.compartments.keys()].join(', ');
    throw notThere(`${type} has no compartment; there are those of ${known}.`);
  }
  const compartment = { type, id };
  if (other === '' || other === '*') return { compartment };
  if (!service.types.has(other)) throw unknownType(service, other);
  if (inside.includes(other)) return { compartment, type: other };
  throw notThere(`No ${other} is in a ${type} compartment, which holds ${inside.join(', ')}.`);
}

const notThere = (diagnostics: string): FhirError =>
  new FhirError('not-found', [{ severity: 'error', code: 'not-supported', diagnostics }]);

async function posted(service: Service, exchange: Exchange): Promise<Parameters> {
  const { headers } = exchange.incoming;
  if (!hasBody(exchange) && headers['content-type'] === undefined) return exchange.query;
  const { bytes } = await bytesOf(service, exchange, ['form']);
  const parameters = [...exchange.query, ...decodeForm(formText(bytes))];
  exchange.replaceQuery(parameters);
  return parameters;
}

/** Forms are UTF-8 like all else; what another encoding would say must not be searched for instead. */
function formText(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  throw new FhirError('invalid', 'The form is not UTF-8. Send UTF-8, or encode each byte as %XX.');
}

interface Asked {
  /** Absent: the whole system, or all that the compartment may hold. */
  type?: string;
  compartment?: Compartment;
  parameters: Parameters;
}

/** They stay in the links, but the query knows nothing of them. */
const isOurs = ({ type }: Asked, name: string): boolean =>
  name === '_format' || name === '_pretty' || (name === '_type' && type === undefined);

async function search(service: Service, exchange: Exchange, asked: Asked): Promise<Response> {
  const base = service.config.base();
  if (asked.parameters.some(isExplain)) return explain(service, exchange, asked);
  const query = parse(service, exchange, asked);
  const page = await service.store.search(exchange.actor, query);
  const ours = asked.parameters.filter(([name]) => isOurs(asked, name));
  const links = linksOf(pathOf(base, asked), {
    query,
    page,
    parameters: [...query.applied, ...ours],
  });
  const shape = query.summary !== 'false' || query.elements.length > 0 ? query : undefined;
  const entries = entriesOf(service, page, { shape, ignored: query.ignored });
  return answerBundle(service, exchange, { type: 'searchset', total: page.total, links, entries });
}

const isExplain = ([name, value]: Parameters[number]): boolean =>
  name === '_explain' && value === 'true';

/** `_explain=true`: what the search was understood as and how it would be run. */
async function explain(service: Service, exchange: Exchange, asked: Asked): Promise<Response> {
  requireAdmin(exchange, 'ask with _explain');
  const { query, rejected } = parseWhatFits(service, exchange, asked);
  const explanation = await service.store.explain(exchange.actor, query);
  recordOperation(service, exchange);
  const ours = asked.parameters.filter(([name]) => isOurs(asked, name));
  const self = urlWith(pathOf(service.config.base(), asked), [...query.applied, ...ours]);
  const { parameters } = asked;
  return answer(service, exchange, explained(query, { parameters, self, rejected }, explanation));
}

/** The query without the parameters for which a search would be refused, and why it would. */
function parseWhatFits(
  service: Service,
  exchange: Exchange,
  asked: Asked,
): { query: SearchQuery; rejected: readonly Issue[] } {
  try {
    return { query: parse(service, exchange, asked), rejected: [] };
  } catch (error) {
    if (!(error instanceof FhirError) || error.kind !== 'invalid') throw error;
    const names = new Set(error.issues.map(({ expression }) => expression));
    const { parameters } = asked;
    const fitting = parameters.filter(([name]) => !names.has(`http.${name.slice(0, 80)}`));
    if (fitting.length === parameters.length) throw error;
    const query = parse(service, exchange, { ...asked, parameters: fitting });
    return { query, rejected: error.issues };
  }
}

function pathOf(base: string, { type, compartment }: Asked): string {
  if (compartment) return `${base}/${compartment.type}/${compartment.id}/${type ?? '*'}`;
  return type ? `${base}/${type}` : base;
}

function parse(service: Service, exchange: Exchange, asked: Asked): SearchQuery {
  const { definitions, config } = service;
  const query = parseQuery({
    definitions,
    types: typesOf(service, asked),
    ...(asked.compartment && { compartment: asked.compartment }),
    params: asked.parameters.filter(([name]) => !isOurs(asked, name)),
    lenient: (exchange.prefer.handling ?? config.handling) === 'lenient',
    count: config.pageSize,
    maxCount: config.maxPageSize,
    bases: [config.base()],
    fulltext: config.fulltext,
    zone: config.zoneMinutes,
    now: Date.now(),
  });
  const unknown = unknownElements(definitions, query.types, query.elements);
  if (unknown.length > 0) throw unknownElement(unknown);
  return query;
}

/** `_type` of a search over the system or a compartment says which types are meant (R4 3.1.1.2). */
function typesOf(service: Service, { type, compartment, parameters }: Asked): readonly string[] {
  if (type) return [type];
  const all = compartment
    ? (compartmentTypes(service.definitions, compartment.type) ?? [])
    : service.definitions.resourceTypes;
  const named = parameters.filter(([name]) => name === '_type');
  if (named.length === 0) return all;
  const types = named.flatMap(([, value]) => value.split(','));
  for (const one of types) {
    refuseNoType(service, one);
    if (!all.includes(one)) {
      const text = `_type: no ${one} is in a ${compartment?.type} compartment. Leave it out.`;
      throw new FhirError('invalid', [
        { severity: 'error', code: 'invalid', diagnostics: text, expression: 'http._type' },
      ]);
    }
  }
  return [...new Set(types)];
}

function linksOf(
  path: string,
  { query, page, parameters }: { query: SearchQuery; page: SearchPage; parameters: Parameters },
): Link[] {
  const at = (cursor: string): string => urlWith(path, [...parameters, ['_cursor', cursor]]);
  const self = query.cursor === undefined ? urlWith(path, parameters) : at(query.cursor);
  const links: Link[] = [{ relation: 'self', url: self }];
  const pages = query.cursor ?? page.previous ?? page.next;
  if (pages !== undefined) links.push({ relation: 'first', url: urlWith(path, parameters) });
  if (page.previous !== undefined) links.push({ relation: 'previous', url: at(page.previous) });
  if (page.next !== undefined) links.push({ relation: 'next', url: at(page.next) });
  return links;
}
