import { answerRead } from './read.ts';
import type { Exchange } from './request.ts';
import type { Service } from './service.ts';
import { idOf, typeOf } from './target.ts';

/** GET [base]/[type]/[id]/_history/[vid] (R4 3.1.0.3). */
export async function vread(service: Service, exchange: Exchange): Promise<Response> {
  const type = typeOf(service, exchange);
  const id = idOf(service, exchange);
  const versionId = exchange.part('vid');
  return answerRead(
    service,
    exchange,
    await service.store.vread(exchange.actor, type, id, versionId),
  );
}
