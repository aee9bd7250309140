import type { ChangeResult, DeleteChange } from '../store/store.ts';
import { preconditions } from './conditions.ts';
import { success } from './errors.ts';
import { commitOne, criteriaOf, refuseQuery } from './input.ts';
import type { Exchange } from './request.ts';
import { answerEmpty, answerOutcome, describe, etagOf } from './respond.ts';
import type { Service } from './service.ts';
import { idOf, typeOf } from './target.ts';

/** DELETE [base]/[type]/[id] (R4 3.1.0.7); what is not there is deleted already: 204. */
export async function remove(service: Service, exchange: Exchange): Promise<Response> {
  const type = typeOf(service, exchange);
  const id = idOf(service, exchange);
  refuseQuery(exchange, 'A delete by id takes no criteria in its URL.');
  const conditions = preconditions(exchange.incoming.headers, ['if-match']);
  const change: DeleteChange = { method: 'delete', type, id, ...conditions };
  return answerDelete(service, exchange, await commitOne(service, exchange, change));
}

/** DELETE [base]/[type]?[criteria] (R4 3.1.0.7.1): every match goes, in one transaction. */
export async function removeConditional(service: Service, exchange: Exchange): Promise<Response> {
  const type = typeOf(service, exchange);
  const criteria = criteriaOf(exchange, 'delete');
  const conditions = preconditions(exchange.incoming.headers, ['if-match']);
  const change: DeleteChange = { method: 'delete', type, criteria, multiple: true, ...conditions };
  return answerDelete(service, exchange, await commitOne(service, exchange, change));
}

function answerDelete(service: Service, exchange: Exchange, result: ChangeResult): Response {
  const headers = result.version ? { ETag: etagOf(result.version) } : {};
  if (exchange.prefer.return !== 'OperationOutcome') return answerEmpty(exchange, 204, headers);
  const issues = [success(describe(result)), ...(result.issues ?? [])];
  return answerOutcome(service, exchange, issues, { status: 200, headers });
}
