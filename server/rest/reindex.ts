import { FhirError } from '../fhir/error.ts';
import { isObject } from '../fhir/json.ts';
import type { JsonObject, JsonValue } from '../fhir/types.ts';
import type { ReindexState } from '../store/store.ts';
import { bodyOf, hasBody, refuseQuery } from './input.ts';
import type { Exchange } from './request.ts';
import { answer } from './respond.ts';
import { requireAdmin } from './rights.ts';
import type { Service } from './service.ts';
import { idOf, refuseNoType } from './target.ts';

/** GET [base]/$reindex: how far indexing anew has come, type by type. */
export async function reindexStatus(service: Service, exchange: Exchange): Promise<Response> {
  // What failed on which resource, and how many there are.
  requireAdmin(exchange, 'see how far indexing anew has come');
  refuseQuery(exchange, 'The status of $reindex takes no parameters.');
  return answerStatus(service, exchange, 200);
}

/**
 * POST [base]/$reindex: indexes all resources anew, or those of the types that `type` names in the
 * URL or in a Parameters resource. Answers at once (202); the status tells the rest.
 */
export async function reindex(service: Service, exchange: Exchange): Promise<Response> {
  requireAdmin(exchange, 'index anew');
  const types = [...typesInQuery(exchange), ...(await typesInBody(service, exchange))];
  for (const type of types) refuseNoType(service, type, 'type');
  await service.store.reindexing.ask(types.length > 0 ? [...new Set(types)] : undefined);
  return answerStatus(service, exchange, 202);
}

/** POST [base]/SearchParameter/[id]/$reindex: the types of one parameter. Throws not-found, gone. */
export async function reindexParam(service: Service, exchange: Exchange): Promise<Response> {
  requireAdmin(exchange, 'index anew');
  refuseQuery(exchange, 'The $reindex of a SearchParameter takes no parameters.');
  const id = idOf(service, exchange);
  // Whether it is there; what it says is not given.
  const { trail: _, ...actor } = exchange.actor;
  await service.store.read(actor, 'SearchParameter', id);
  await service.store.reindexing.askParam(id);
  return answerStatus(service, exchange, 202);
}

const OURS: readonly string[] = ['type', '_format', '_pretty'];

function typesInQuery(exchange: Exchange): string[] {
  const stray = exchange.query.find(([name]) => !OURS.includes(name));
  if (stray) throw wrongInput(stray[0]);
  const named = exchange.query.filter(([name]) => name === 'type');
  return named.flatMap(([, value]) => value.split(','));
}

function wrongInput(name: string): FhirError {
  const text = `$reindex has no parameter "${name.slice(0, 80)}"; name resource types in "type".`;
  return new FhirError('invalid', text);
}

async function typesInBody(service: Service, exchange: Exchange): Promise<string[]> {
  if (!hasBody(exchange)) return [];
  const { value } = await bodyOf(service, exchange, ['json', 'xml']);
  const { resourceType, parameter = [] } = isObject(value) ? value : {};
  if (resourceType !== 'Parameters' || !Array.isArray(parameter)) {
    throw new FhirError('invalid', 'The body of $reindex is a Parameters resource, or nothing.');
  }
  return parameter.map(typeIn);
}

function typeIn(parameter: JsonValue): string {
  const { name = '', valueCode, valueString = valueCode } = isObject(parameter) ? parameter : {};
  if (name !== 'type') throw wrongInput(String(name));
  if (typeof valueString === 'string') return valueString;
  throw new FhirError('invalid', 'The parameter "type" of $reindex takes a valueCode.');
}

async function answerStatus(
  service: Service,
  exchange: Exchange,
  status: 200 | 202,
): Promise<Response> {
  const states = await service.store.reindexing.status();
  const parameter = [
    { name: 'complete', valueBoolean: states.every(isComplete) },
    ...states.map(partsOf),
  ];
  const text = JSON.stringify({ resourceType: 'Parameters', parameter });
  const where = { 'Content-Location': `${service.config.base()}/$reindex` };
  return answer(service, exchange, text, { status, headers: status === 202 ? where : {} });
}

const isComplete = ({ state, incomplete }: ReindexState): boolean =>
  state === 'finished' && incomplete.length === 0;

/** FHIR has no empty values: what is not known is left out. */
function partsOf(state: ReindexState): JsonObject {
  const part: JsonObject[] = [
    { name: 'code', valueCode: state.type },
    { name: 'state', valueCode: state.state },
    { name: 'asked', valueInstant: state.asked.toISOString() },
    { name: 'done', valueUnsignedInt: state.done },
    { name: 'failed', valueUnsignedInt: state.failed },
  ];
  if (state.total !== undefined) part.push({ name: 'total', valueUnsignedInt: state.total });
  if (state.error !== undefined) part.push({ name: 'error', valueString: state.error });
  if (state.finished) part.push({ name: 'finished', valueInstant: state.finished.toISOString() });
  part.push(...state.incomplete.map((code) => ({ name: 'incomplete', valueCode: code })));
  return { name: 'type', part };
}
