import type { Version } from '../store/store.ts';
import { answerRaw } from './binary.ts';
import { isUnmodified } from './conditions.ts';
import type { Exchange } from './request.ts';
import { answerEmpty, answerVersion, versionHeaders } from './respond.ts';
import type { Service } from './service.ts';
import { shaped, shapeOf } from './shape.ts';
import { idOf, typeOf } from './target.ts';

/** GET [base]/[type]/[id] (R4 3.1.0.2), conditional read included (3.1.0.1.4). */
export async function read(service: Service, exchange: Exchange): Promise<Response> {
  const type = typeOf(service, exchange);
  const id = idOf(service, exchange);
  return answerRead(service, exchange, await service.store.read(exchange.actor, type, id));
}

/** A version as stored, or 304 where the caller has it. */
export function answerRead(service: Service, exchange: Exchange, version: Version): Response {
  if (isUnmodified(exchange.incoming.headers, version.version, version.lastUpdated)) {
    return answerEmpty(exchange, 304, versionHeaders(version));
  }
  const raw = version.type === 'Binary' ? answerRaw(exchange, version) : undefined;
  if (raw) return raw;
  const shape = shapeOf(service, exchange, [version.type]);
  const text = shape ? shaped(service.definitions, version.content, shape) : version.content;
  return answerVersion(service, exchange, version, text);
}
