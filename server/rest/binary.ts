import { FhirError } from '../fhir/error.ts';
import { parseJson } from '../fhir/json.ts';
import type { Resource } from '../fhir/types.ts';
import type { Version } from '../store/store.ts';
import { readBody } from './body.ts';
import { byteRange } from './byte-range.ts';
import { isFhirType, prefersRaw } from './negotiate.ts';
import type { Exchange } from './request.ts';
import { answerEmpty, binaryHeaders } from './respond.ts';
import type { Service } from './service.ts';

/** What may stand in a header; a Binary.contentType may hold other white space. */
const MEDIA_TYPE = /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/;

/**
 * The bytes of a Binary where they are wanted rather than the resource around them (R4 Binary,
 * "Serving Binary Resources using the RESTful API"); undefined where FHIR is to be answered.
 */
export function answerRaw(exchange: Exchange, version: Version): Response | undefined {
  if (exchange.within || exchange.parameter('_format') !== undefined) return undefined;
  const { contentType, data, securityContext } = parseJson(version.content) as Resource;
  const media = typeof contentType === 'string' ? contentType : '';
  if (!prefersRaw(media, exchange.incoming.headers.accept)) return undefined;
  const bytes = Buffer.from(typeof data === 'string' ? data : '', 'base64');
  const headers = binaryHeaders(exchange, version);
  headers['Content-Type'] = MEDIA_TYPE.test(media) ? media : 'application/octet-stream';
  const context = (securityContext as { reference?: unknown } | undefined)?.reference;
  if (typeof context === 'string') headers['X-Security-Context'] = encodeURI(context);
  headers['Accept-Ranges'] = 'bytes';
  return answerBytes(exchange, bytes, headers);
}

/** All of them, or the part that is asked for. */
function answerBytes(
  exchange: Exchange,
  bytes: Buffer<ArrayBuffer>,
  headers: Record<string, string>,
): Response {
  const { length } = bytes;
  const range = byteRange(exchange.incoming, length);
  if (!range) return new Response(bytes, { status: 200, headers });
  if (range === 'unsatisfiable') {
    return answerEmpty(exchange, 416, { 'Content-Range': `bytes */${length}` });
  }
  const { first, last } = range;
  headers['Content-Range'] = `bytes ${first}-${last}/${length}`;
  return new Response(bytes.subarray(first, last + 1), { status: 206, headers });
}

/** Whether the body is the content of a Binary and not the resource. */
export const isRawBody = ({ incoming }: Exchange): boolean => {
  const type = incoming.headers['content-type'];
  return type !== undefined && type !== '' && !isFhirType(type);
};

/**
 * The Binary around a body of any other media type (R4 Binary); `id` where the URL names one. Throws
 * as `readBody`, and invalid.
 */
export async function rawBinary(
  service: Service,
  exchange: Exchange,
  id: string | undefined,
): Promise<Resource> {
  const { headers } = exchange.incoming;
  const contentType = headers['content-type'] as string;
  if (!MEDIA_TYPE.test(contentType)) {
    throw new FhirError('unsupported-media', 'Content-Type is no media type. Send one.');
  }
  const { bytes, release } = await readBody(
    exchange.message,
    service.config.bodyLimit,
    service.budget,
  );
  exchange.release = release;
  const resource: Resource = { resourceType: 'Binary', ...(id === undefined ? {} : { id }) };
  resource.contentType = contentType;
  const context = headers['x-security-context'];
  if (typeof context === 'string') resource.securityContext = { reference: context };
  if (bytes.length > 0) resource.data = bytes.toString('base64');
  return resource;
}
