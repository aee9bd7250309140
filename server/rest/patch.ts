import type { Patch } from '../fhir/patch.ts';
import { parsePatch } from '../fhir/patch.ts';
import type { PatchChange } from '../store/store.ts';
import { preconditions } from './conditions.ts';
import { bodyOf, commitOne, criteriaOf, refuseQuery } from './input.ts';
import type { Exchange } from './request.ts';
import { answerWrite } from './respond.ts';
import type { Service } from './service.ts';
import { typeOf, writableIdOf } from './target.ts';

/** PATCH [base]/[type]/[id] (R4 3.1.0.6): JSON Patch, or FHIRPath Patch as Parameters. */
export async function patch(service: Service, exchange: Exchange): Promise<Response> {
  const type = typeOf(service, exchange);
  const id = writableIdOf(service, exchange);
  refuseQuery(exchange, 'A patch by id takes no criteria in its URL.');
  const conditions = preconditions(exchange.incoming.headers, ['if-match']);
  const content = await patchOf(service, exchange);
  const change: PatchChange = { method: 'patch', type, patch: content, id, ...conditions };
  return answerWrite(service, exchange, await commitOne(service, exchange, change));
}

/** PATCH [base]/[type]?[criteria] (R4 3.1.0.6.1 conditional patch). */
export async function patchConditional(service: Service, exchange: Exchange): Promise<Response> {
  const type = typeOf(service, exchange);
  const criteria = criteriaOf(exchange, 'patch');
  const conditions = preconditions(exchange.incoming.headers, ['if-match']);
  const content = await patchOf(service, exchange);
  const change: PatchChange = { method: 'patch', type, patch: content, criteria, ...conditions };
  return answerWrite(service, exchange, await commitOne(service, exchange, change));
}

async function patchOf(service: Service, exchange: Exchange): Promise<Patch> {
  const { kind, value } = await bodyOf(service, exchange, ['json-patch', 'json', 'xml']);
  const isJsonPatch = kind === 'json-patch';
  return parsePatch(value, isJsonPatch ? 'application/json-patch+json' : 'application/fhir+json');
}
