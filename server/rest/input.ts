import { FhirError } from '../fhir/error.ts';
import { asResource, parseJsonBytes } from '../fhir/json.ts';
import type { JsonValue, Resource } from '../fhir/types.ts';
import type { Change, ChangeResult } from '../store/store.ts';
import { isRawBody, rawBinary } from './binary.ts';
import { readBody } from './body.ts';
import type { BodyKind } from './negotiate.ts';
import { bodyKind } from './negotiate.ts';
import type { Exchange } from './request.ts';
import type { Service } from './service.ts';

/** Reading XML takes ten times as long as JSON, and nobody else is served meanwhile; bytes. */
const XML_LIMIT = 10 * 1024 * 1024;

/** The content of a request as a tree. */
export interface Content {
  kind: BodyKind;
  value: JsonValue;
}

/** Whether a body comes with the request, as far as its headers tell. */
export function hasBody({ incoming: { headers } }: Exchange): boolean {
  const length = headers['content-length'] ?? '0';
  return length !== '0' || headers['transfer-encoding'] !== undefined;
}

/**
 * Reads and parses the body. The media type is judged before a byte is read. Throws FhirError
 * unsupported-media, too-large, busy, invalid.
 */
export async function bodyOf(
  service: Service,
  exchange: Exchange,
  kinds: readonly BodyKind[],
): Promise<Content> {
  const { kind, bytes } = await bytesOf(service, exchange, kinds);
  if (bytes.length === 0) throw new FhirError('invalid', 'The body is empty. Send the resource.');
  const value = kind === 'xml' ? service.xml.fromXml(bytes) : parseJsonBytes(bytes);
  return { kind, value };
}

/** The body unparsed. */
export async function bytesOf(
  service: Service,
  exchange: Exchange,
  kinds: readonly BodyKind[],
): Promise<{ kind: BodyKind; bytes: Buffer }> {
  const { headers } = exchange.incoming;
  const kind = bodyKind(headers['content-type'], kinds);
  const { bodyLimit } = service.config;
  const limit = kind === 'xml' ? Math.min(bodyLimit, XML_LIMIT) : bodyLimit;
  const { bytes, release } = await readBody(exchange.message, limit, service.budget);
  exchange.release = release;
  return { kind, bytes };
}

/** The resource of the body, of the type that the URL names. */
export async function resourceFor(
  service: Service,
  exchange: Exchange,
  type: string,
): Promise<Resource> {
  if (type === 'Binary' && isRawBody(exchange)) {
    return rawBinary(service, exchange, exchange.part('id') || undefined);
  }
  const { value } = await bodyOf(service, exchange, ['json', 'xml']);
  const resource = asResource(value);
  if (resource.resourceType !== type) {
    const found = `The body is a ${resource.resourceType.slice(0, 64)}, the URL says ${type}.`;
    throw new FhirError('invalid', `${found} Send it to the URL of its type.`);
  }
  return resource;
}

/** Control parameters that say how to answer, not what to match. */
const answering: readonly string[] = ['_format', '_pretty'];

/** The criteria of a conditional write, as query text. Throws precondition where there are none. */
export function criteriaOf(exchange: Exchange, interaction: string): string {
  const criteria = exchange.query.filter(([name]) => !answering.includes(name));
  if (criteria.length === 0 || criteria.every(([, value]) => value === '')) {
    const hint = 'Name one resource by its id, or state search parameters that select.';
    throw new FhirError('precondition', `A conditional ${interaction} needs criteria. ${hint}`);
  }
  return new URLSearchParams(criteria).toString();
}

/** Criteria where none are taken would be ignored silently; they are refused instead. */
export function refuseQuery(exchange: Exchange, message: string): void {
  const stray = exchange.query.find(([name]) => !answering.includes(name));
  if (stray)
    throw new FhirError('invalid', `Unexpected parameter "${stray[0].slice(0, 80)}". ${message}`);
}

/** Commits one change and answers its result. */
export async function commitOne(
  service: Service,
  exchange: Exchange,
  change: Change,
): Promise<ChangeResult> {
  const [result] = await service.store.commit(exchange.actor, [change]);
  if (!result) throw new Error('the store answered a commit without a result');
  return result;
}
