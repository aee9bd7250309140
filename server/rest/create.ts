import type { CreateChange } from '../store/store.ts';
import { preconditions } from './conditions.ts';
import { commitOne, refuseQuery, resourceFor } from './input.ts';
import type { Exchange } from './request.ts';
import { answerWrite } from './respond.ts';
import type { Service } from './service.ts';
import { typeOf } from './target.ts';

/** POST [base]/[type] (R4 3.1.0.8), conditional create by If-None-Exist included (3.1.0.8.1). */
export async function create(service: Service, exchange: Exchange): Promise<Response> {
  const type = typeOf(service, exchange);
  refuseQuery(exchange, 'A create takes no criteria in its URL; send them in If-None-Exist.');
  const { ifNoneExist } = preconditions(exchange.incoming.headers, ['if-none-exist']);
  const resource = await resourceFor(service, exchange, type);
  const change: CreateChange = { method: 'create', type, resource };
  if (ifNoneExist !== undefined) change.ifNoneExist = ifNoneExist;
  return answerWrite(service, exchange, await commitOne(service, exchange, change));
}
