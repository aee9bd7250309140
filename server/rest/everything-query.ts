import { parseSearchDate, type SearchDate } from '../fhir/date.ts';
import { isNumber, numberText } from '../fhir/decimal.ts';
import { FhirError } from '../fhir/error.ts';
import { asResource, isObject } from '../fhir/json.ts';
import type { Issue, JsonObject, JsonValue } from '../fhir/types.ts';
import type { EverythingQuery } from '../store/store.ts';
import { bodyOf, hasBody } from './input.ts';
import type { Exchange, Parameters } from './request.ts';
import type { Service } from './service.ts';
import { refuseNoType } from './target.ts';

/** What an $everything was asked for, without whose record it is. */
export interface Asked {
  query: Omit<EverythingQuery, 'type' | 'id'>;
  /** What stands in the links. */
  applied: Parameters;
  /** What was left out under `handling=lenient`. */
  ignored: Issue[];
}

const ofOperation: readonly string[] = ['start', 'end', '_since', '_type', '_count'];
/** They shape the answer, or stand in links; only in the URL. */
const ofAnswer: readonly string[] = ['_cursor', '_format', '_pretty', '_summary', '_elements'];

/** The parameters in the terms of the store. Throws FhirError invalid naming what is wrong. */
export function queryOf(service: Service, exchange: Exchange, parameters: Parameters): Asked {
  const { config } = service;
  const known = (name: string): boolean => ofOperation.includes(name) || ofAnswer.includes(name);
  const strays = parameters.filter(([name]) => !known(name)).map(([name]) => name.slice(0, 80));
  const lenient = (exchange.prefer.handling ?? config.handling) === 'lenient';
  if (strays.length > 0 && !lenient)
    throw new FhirError('invalid', strays.map(strayIssue('error')));
  const taken = parameters.filter(([name]) => known(name));
  const one = (name: string): string | undefined => single(taken, name);
  refuseCount(one('_summary'));
  const count = countOf(one('_count'), config.maxPageSize);
  const query: Asked['query'] = { count };
  const types = typesOf(service, taken);
  const since = dateOf(service, '_since', one('_since'));
  const period = periodOf(service, one('start'), one('end'));
  const cursor = one('_cursor');
  if (types) query.types = types;
  if (since) query.since = since.lo;
  if (period) query.period = period;
  if (cursor !== undefined) query.cursor = cursor;
  return { query, applied: appliedOf(taken, count), ignored: strays.map(strayIssue('warning')) };
}

const strayIssue =
  (severity: 'error' | 'warning') =>
  (name: string): Issue => {
    const what = severity === 'error' ? 'was refused' : 'was left out';
    const diagnostics =
      `The parameter "${name}" ${what}: $everything does not know it. ` +
      `It takes ${ofOperation.join(', ')}.`;
    return { severity, code: 'not-supported', diagnostics, expression: `http.${name}` };
  };

/** The links say what was done: each parameter once, a page size above the limit cut to it. */
function appliedOf(taken: Parameters, count: number): Parameters {
  const written = new Set<string>();
  return taken
    .filter(([name]) => name !== '_cursor')
    .map(([name, value]): Parameters[number] => [name, name === '_count' ? String(count) : value])
    .filter((pair) => {
      const text = pair.join('=');
      return !written.has(text) && written.add(text);
    });
}

function single(parameters: Parameters, name: string): string | undefined {
  const values = new Set(parameters.filter(([key]) => key === name).map(([, value]) => value));
  if (values.size > 1)
    throw new FhirError('invalid', `${name} stands more than once. Send it once.`);
  return [...values][0];
}

function refuseCount(summary: string | undefined): void {
  if (summary !== 'count') return;
  const hint = 'Count by a search, such as Observation?patient=[id]&_summary=count.';
  throw new FhirError('invalid', `$everything does not count its result. ${hint}`);
}

/** R4: the whole result in one Bundle unless the client asks for pages; up to the limit of a page. */
function countOf(text: string | undefined, most: number): number {
  if (text === undefined) return most;
  if (!/^\d{1,9}$/.test(text) || Number(text) === 0) {
    throw new FhirError('invalid', '_count must be a whole number above 0.');
  }
  return Math.min(Number(text), most);
}

/** R4: repeated, and each a list with commas. */
function typesOf(service: Service, parameters: Parameters): string[] | undefined {
  const named = parameters.filter(([name]) => name === '_type');
  if (named.length === 0) return undefined;
  const types = named.flatMap(([, value]) => value.split(',').map((type) => type.trim()));
  for (const type of types) refuseNoType(service, type);
  return [...new Set(types)];
}

/** Open ends are as far away as dates go. */
function periodOf(
  service: Service,
  start: string | undefined,
  end: string | undefined,
): { lo: number; hi: number } | undefined {
  if (start === undefined && end === undefined) return undefined;
  const lo = dateOf(service, 'start', start)?.lo ?? Number.MIN_SAFE_INTEGER;
  const hi = dateOf(service, 'end', end)?.hi ?? Number.MAX_SAFE_INTEGER;
  if (lo > hi) throw new FhirError('invalid', 'start lies after end. Exchange them.');
  return { lo, hi };
}

function dateOf(
  { config }: Service,
  name: string,
  text: string | undefined,
): SearchDate | undefined {
  if (text === undefined) return undefined;
  // The `+` of an unencoded zone has arrived as a space.
  const date = parseSearchDate(text.trim().replace(' ', '+'), config.zoneMinutes);
  if (date) return date;
  const hint =
    name === '_since'
      ? 'Send an instant such as 2026-01-31T12:00:00Z.'
      : 'Send one such as 2026-01-31.';
  throw new FhirError('invalid', `${name}: "${text.slice(0, 60)}" is no date. ${hint}`);
}

/** The Parameters of the body as pairs of name and value; none where the body is empty. */
export async function postedParameters(service: Service, exchange: Exchange): Promise<Parameters> {
  if (!hasBody(exchange)) return [];
  const { value } = await bodyOf(service, exchange, ['json', 'xml']);
  const { resourceType, parameter = [] } = asResource(value) as JsonObject;
  if (resourceType !== 'Parameters' || !Array.isArray(parameter)) {
    throw new FhirError('invalid', 'The body of $everything must be a Parameters resource.');
  }
  return parameter.map(pairOf);
}

function pairOf(item: JsonValue, index: number): Parameters[number] {
  const expression = `Parameters.parameter[${index}]`;
  const { name, ...rest } = isObject(item) ? item : {};
  const key = Object.keys(rest).find((one) => one.startsWith('value'));
  const value = key === undefined ? undefined : textOf(rest[key]);
  const refused = (diagnostics: string): FhirError =>
    new FhirError('invalid', [{ severity: 'error', code: 'value', diagnostics, expression }]);
  if (typeof name !== 'string' || value === undefined) {
    throw refused('Each parameter needs a name and one simple value, such as valueDate.');
  }
  if (ofAnswer.includes(name)) throw refused(`${name} belongs in the URL, not in the body.`);
  return [name, value];
}

function textOf(value: JsonValue | undefined): string | undefined {
  if (typeof value === 'string') return value;
  return isNumber(value) ? numberText(value) : undefined;
}
