import { FhirError } from '../fhir/error.ts';
import type { Resource } from '../fhir/types.ts';
import type { UpdateChange } from '../store/store.ts';
import { preconditions } from './conditions.ts';
import { commitOne, criteriaOf, refuseQuery, resourceFor } from './input.ts';
import type { Exchange } from './request.ts';
import { answerWrite } from './respond.ts';
import type { Service } from './service.ts';
import { typeOf, writableIdOf } from './target.ts';

/** PUT [base]/[type]/[id] (R4 3.1.0.4); creates where the id is not there yet (3.1.0.4.3). */
export async function update(service: Service, exchange: Exchange): Promise<Response> {
  const type = typeOf(service, exchange);
  const id = writableIdOf(service, exchange);
  refuseQuery(exchange, 'An update by id takes no criteria in its URL.');
  const conditions = preconditions(exchange.incoming.headers, ['if-match', 'if-none-match']);
  const resource = await resourceFor(service, exchange, type);
  requireId(resource, id);
  const change: UpdateChange = { method: 'update', type, resource, id, ...conditions };
  return answerWrite(service, exchange, await commitOne(service, exchange, change));
}

/** PUT [base]/[type]?[criteria] (R4 3.1.0.4.3 conditional update). */
export async function updateConditional(service: Service, exchange: Exchange): Promise<Response> {
  const type = typeOf(service, exchange);
  const criteria = criteriaOf(exchange, 'update');
  const conditions = preconditions(exchange.incoming.headers, ['if-match', 'if-none-match']);
  const resource = await resourceFor(service, exchange, type);
  const change: UpdateChange = { method: 'update', type, resource, criteria, ...conditions };
  return answerWrite(service, exchange, await commitOne(service, exchange, change));
}

/** R4 3.1.0.4: the body's id must be the URL's. */
function requireId(resource: Resource, id: string): void {
  if (resource.id === id) return;
  const { resourceType } = resource;
  const found = resource.id === undefined ? 'has no id' : 'has another id than the URL';
  const diagnostics = `The resource ${found}. Set ${resourceType}.id to the id of the URL.`;
  const expression = `${resourceType}.id`;
  throw new FhirError('invalid', [
    { severity: 'error', code: 'invariant', diagnostics, expression },
  ]);
}
