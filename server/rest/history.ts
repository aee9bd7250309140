import { parseSearchDate } from '../fhir/date.ts';
import { FhirError } from '../fhir/error.ts';
import type { HistoryQuery, Version } from '../store/store.ts';
import type { Link } from './bundle-text.ts';
import { urlWith } from './bundle-text.ts';
import type { Exchange, Parameters } from './request.ts';
import { answerBundle, etagOf } from './respond.ts';
import type { Service } from './service.ts';
import type { Shape } from './shape.ts';
import { shaped, shapeOf } from './shape.ts';
import { idOf, typeOf } from './target.ts';

/** GET [base]/[type]/[id]/_history (R4 3.1.0.12). */
export async function historyInstance(service: Service, exchange: Exchange): Promise<Response> {
  return history(service, exchange, {
    type: typeOf(service, exchange),
    id: idOf(service, exchange),
  });
}

/** GET [base]/[type]/_history. */
export async function historyType(service: Service, exchange: Exchange): Promise<Response> {
  return history(service, exchange, { type: typeOf(service, exchange) });
}

/** GET [base]/_history. */
export async function historySystem(service: Service, exchange: Exchange): Promise<Response> {
  return history(service, exchange, {});
}

async function history(
  service: Service,
  exchange: Exchange,
  scope: { type?: string; id?: string },
): Promise<Response> {
  const { query, applied } = readQuery(service, exchange);
  const page = await service.store.history(exchange.actor, { ...scope, ...query });
  const base = service.config.base();
  const path = [base, scope.type, scope.id, '_history'].filter((part) => part).join('/');
  const at = (cursor: string): string => urlWith(path, [...applied, ['_cursor', cursor]]);
  const self = query.cursor === undefined ? urlWith(path, applied) : at(query.cursor);
  const links: Link[] = [{ relation: 'self', url: self }];
  if (page.next !== undefined) links.push({ relation: 'next', url: at(page.next) });
  const shape = shapeOf(service, exchange, scope.type ? [scope.type] : [...service.types]);
  // R4 3.1.1.5.8 `count`: the number alone (the page is empty, as `readQuery` asks for none).
  const entries = page.versions.map((version) => entryText(service, base, { version, shape }));
  return answerBundle(service, exchange, { type: 'history', total: page.total, links, entries });
}

const taken: readonly string[] = [
  ...['_since', '_at', '_count', '_cursor'],
  ...['_format', '_pretty', '_summary', '_elements'],
];

/** R4 3.1.0.12: `_since`, `_at`, `_count`; anything else is refused or, if so preferred, left out. */
function readQuery(
  service: Service,
  exchange: Exchange,
): { query: HistoryQuery; applied: Parameters } {
  const stray = exchange.query.find(([name]) => !taken.includes(name));
  const handling = exchange.prefer.handling ?? service.config.handling;
  if (stray && handling !== 'lenient') {
    const name = stray[0].slice(0, 80);
    throw new FhirError(
      'invalid',
      `A history does not know "${name}". It takes ${taken.join(', ')}.`,
    );
  }
  const query: HistoryQuery = { count: countOf(service, exchange.parameter('_count')) };
  if (exchange.parameter('_summary') === 'count') query.count = 0;
  const since = exchange.parameter('_since');
  const at = exchange.parameter('_at');
  const cursor = exchange.parameter('_cursor');
  if (since !== undefined) query.since = dateOf(service, '_since', since).lo;
  if (at !== undefined) query.at = dateOf(service, '_at', at);
  if (cursor !== undefined) query.cursor = cursor;
  const applied = exchange.query.filter(([name]) => taken.includes(name) && name !== '_cursor');
  return { query, applied };
}

function countOf({ config }: Service, text: string | undefined): number {
  if (text === undefined) return config.pageSize;
  if (!/^\d{1,9}$/.test(text)) {
    throw new FhirError('invalid', '_count must be a whole number that is not negative.');
  }
  return Math.min(Number(text), config.maxPageSize);
}

function dateOf({ config }: Service, name: string, text: string): { lo: number; hi: number } {
  // The `+` of an unencoded zone has arrived as a space.
  const date = parseSearchDate(text.trim().replace(' ', '+'), config.zoneMinutes);
  if (!date) {
    const hint = 'Send an instant such as 2026-01-31T12:00:00Z.';
    throw new FhirError('invalid', `${name}: "${text.slice(0, 60)}" is no date. ${hint}`);
  }
  return { lo: date.lo, hi: date.hi };
}

/** R4 3.1.0.12: what was asked for (request) and what came of it (response); no body for a delete. */
function entryText(
  service: Service,
  base: string,
  { version, shape }: { version: Version; shape: Shape | undefined },
): string {
  const { type, id, method, content } = version;
  const url = method === 'POST' ? type : `${type}/${id}`;
  const text = shape && content ? shaped(service.definitions, content, shape) : content;
  const resource = text === '' ? '' : `"resource":${text},`;
  const request = `"request":{"method":"${method}","url":"${url}"}`;
  const etag = JSON.stringify(etagOf(version));
  const modified = new Date(version.lastUpdated).toISOString();
  const response = `"response":{"status":"${statusOf(version)}","etag":${etag},"lastModified":"${modified}"}`;
  return `{"fullUrl":"${base}/${type}/${id}",${resource}${request},${response}}`;
}

function statusOf({ method, version }: Version): string {
  if (method === 'DELETE') return '204';
  return version === 1 ? '201' : '200';
}
