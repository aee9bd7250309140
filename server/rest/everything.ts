import { FhirError } from '../fhir/error.ts';
import type { CompartmentRoot, EverythingQuery, SearchPage } from '../store/store.ts';
import type { Link } from './bundle-text.ts';
import { urlWith } from './bundle-text.ts';
import { type Asked, postedParameters, queryOf } from './everything-query.ts';
import type { Exchange, Parameters } from './request.ts';
import { answerBundle } from './respond.ts';
import { entriesOf } from './searchset.ts';
import type { Service } from './service.ts';
import { shapeOf } from './shape.ts';
import { idOf, typeOf, unknownOperation } from './target.ts';

/** Types whose resources have the operation. */
export const everythingTypes: readonly CompartmentRoot[] = ['Patient', 'Encounter'];

/** GET [base]/Patient/[id]/$everything and GET [base]/Encounter/[id]/$everything. */
export async function everything(service: Service, exchange: Exchange): Promise<Response> {
  return answer(service, exchange, exchange.query);
}

/** The same by POST: parameters in a Parameters resource, beside those of the URL. */
export async function everythingByPost(service: Service, exchange: Exchange): Promise<Response> {
  rootOf(service, exchange);
  return answer(service, exchange, [
    ...exchange.query,
    ...(await postedParameters(service, exchange)),
  ]);
}

/** [base]/Patient/$everything: all that the caller may see at once is refused, as R4 allows. */
export function everythingOfType(service: Service, exchange: Exchange): Response {
  const type = rootTypeOf(service, exchange);
  const text =
    `$everything over every ${type} is not supported: ask for one, ${type}/[id]/$everything, ` +
    'and find the ids by a search.';
  throw new FhirError('not-found', [
    { severity: 'error', code: 'not-supported', diagnostics: text },
  ]);
}

function rootTypeOf(service: Service, exchange: Exchange): CompartmentRoot {
  const type = typeOf(service, exchange);
  const root = everythingTypes.find((one) => one === type);
  if (root === undefined) throw unknownOperation(`$everything of ${type}`);
  return root;
}

const rootOf = (service: Service, exchange: Exchange): { type: CompartmentRoot; id: string } => ({
  type: rootTypeOf(service, exchange),
  id: idOf(service, exchange),
});

async function answer(
  service: Service,
  exchange: Exchange,
  parameters: Parameters,
): Promise<Response> {
  const { type, id } = rootOf(service, exchange);
  const shape = shapeOf(service, exchange, [...service.types]);
  const asked = queryOf(service, exchange, parameters);
  const query = { type, id, ...asked.query };
  const page = await service.store.everything(exchange.actor, query);
  const base = service.config.base();
  const links = linksOf(`${base}/${type}/${id}/$everything`, { query, asked, page });
  const entries = entriesOf(service, page, { shape, ignored: asked.ignored });
  return answerBundle(service, exchange, { type: 'searchset', total: page.total, links, entries });
}

/** By GET also after a POST: links hold every parameter. */
function linksOf(
  path: string,
  { query, asked, page }: { query: EverythingQuery; asked: Asked; page: SearchPage },
): Link[] {
  const at = (cursor: string): string => urlWith(path, [...asked.applied, ['_cursor', cursor]]);
  const self = query.cursor === undefined ? urlWith(path, asked.applied) : at(query.cursor);
  const links: Link[] = [{ relation: 'self', url: self }];
  if (page.next !== undefined) links.push({ relation: 'next', url: at(page.next) });
  return links;
}
