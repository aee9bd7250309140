import { deepEqual, parseJson, parseJsonBytes } from '../../server/fhir/json.ts';
import type { JsonObject, Resource } from '../../server/fhir/types.ts';
import type { XmlCodec } from '../../server/fhir/xml.ts';
import { type Answer, type Ask, ask, type Json } from '../helpers/http.ts';
import type { Shot } from './fuzz-requests.ts';

const SLOW_MS = 5000;
/** What only someone who looked inside could know: files, lines of code, tables, SQL states. */
const INSIDE =
  /node_modules|\/server\/|\.ts:\d|\bat [A-Za-z.]+ \(|file:\/\/|relation "|column "|SQLSTATE|ECONN|pg_|\bTypeError\b|\bRangeError\b|\bundefined\b is not|Cannot read prop/;

export interface Verdict {
  status: number;
  /** What is wrong with the answer; empty where nothing is. */
  fault: string;
}

/** Sends a request and judges the answer. What was stored has to read back as it was sent. */
export async function judged(base: string, shot: Shot, xml: XmlCodec): Promise<Verdict> {
  const { url, ask: options } = shot;
  const started = performance.now();
  const answer = await ask(base, `${base}${url === '' ? '' : `/${url}`}`, options);
  const { status } = answer;
  const slow = performance.now() - started > SLOW_MS ? 'takes more than five seconds' : '';
  const told = faultOf(answer, options.method ?? 'GET') || slow;
  if (told !== '') return { status, fault: `${told}: ${status} ${answer.text.slice(0, 600)}` };
  const isStored = status === 201 && !url.startsWith('?') && url !== '';
  return { status, fault: isStored ? await storedFault(base, answer, { options, xml }) : '' };
}

const isXml = ({ headers }: Answer): boolean =>
  headers.get('content-type')?.includes('xml') === true;

function ofSender({ id: _, meta, ...rest }: Resource): JsonObject {
  const { versionId: __, lastUpdated: ___, ...own } = (meta ?? {}) as JsonObject;
  return { ...(rest as JsonObject), meta: own };
}

/** What became of a resource on its way in and out, in both formats. */
async function storedFault(
  base: string,
  { headers }: Answer,
  { options, xml }: { options: Ask; xml: XmlCodec },
): Promise<string> {
  const { body, headers: { 'Content-Type': type = 'json' } = {} } = options;
  const bytes = Buffer.from(body as string);
  const sent = (type.includes('xml') ? xml.fromXml(bytes) : parseJsonBytes(bytes)) as Resource;
  const location = String(headers.get('location')).replace(/\/_history.*/, '');
  const asJson = await ask(base, location);
  const read = parseJson(asJson.text) as Resource;
  if (!deepEqual(ofSender(read), ofSender(sent))) return `reads back changed: ${asJson.text}`;
  const asXml = await ask(base, location, { headers: { Accept: 'application/fhir+xml' } });
  if (asXml.status !== 200) return `does not read back as XML: ${asXml.text}`;
  const again = xml.fromXml(Buffer.from(asXml.text));
  return xml.toXml(again) === xml.toXml(read) ? '' : `changes in XML: ${asXml.text}`;
}

function faultOf(answer: Answer, method: string): string {
  const { status, headers, text, json } = answer;
  if (status === 503 && headers.has('retry-after')) return 'is busy for a request alone';
  if (status >= 500) return 'is a fault of the server';
  if (status < 400) return '';
  if (INSIDE.test(text)) return 'tells what is inside';
  if (method === 'HEAD') return '';
  return isXml(answer) ? xmlFault(text) : outcomeFault(json);
}

const xmlFault = (text: string): string =>
  /<OperationOutcome .*<severity value="\w+"\/><code value="[\w-]+"\/>.*<diagnostics value="..+"\/>/s.test(
    text,
  )
    ? ''
    : 'is no OperationOutcome in XML';

function outcomeFault(json: Json): string {
  if (String(json.resourceType) !== 'OperationOutcome') return 'is no OperationOutcome';
  const issues = json.issue as unknown as Record<string, unknown>[];
  if (!Array.isArray(issues) || issues.length === 0) return 'has no issue';
  for (const { severity, code, diagnostics, expression } of issues) {
    if (severity !== 'error' && severity !== 'fatal') return 'has an issue that is no error';
    if (typeof code !== 'string' || typeof diagnostics !== 'string') return 'has a bare issue';
    if (diagnostics.length < 12) return 'has an issue that says nothing';
    if (expression !== undefined && !Array.isArray(expression)) return 'has a bare expression';
  }
  return '';
}
