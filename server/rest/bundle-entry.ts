import { STATUS_CODES } from 'node:http';
import type { ChangeResult } from '../store/store.ts';
import type { Failure } from './errors.ts';
import { outcomeOf, success } from './errors.ts';
import type { Exchange } from './request.ts';
import { describe, etagOf } from './respond.ts';
import type { Service } from './service.ts';

/**
 * The entries of a batch-response or transaction-response as JSON texts (R4 3.1.0.11.3). What was
 * written comes back only under `Prefer: return=representation`: a bundle is mostly an import, and
 * its sender has the resources.
 */
export function entryOfResult(service: Service, exchange: Exchange, result: ChangeResult): string {
  const { version, status, issues = [] } = result;
  const wanted = exchange.prefer.return;
  const parts = [`"status":"${statusText(status)}"`];
  if (version && version.method !== 'DELETE') {
    parts.push(`"location":"${version.type}/${version.id}/_history/${version.version}"`);
  }
  if (version) {
    parts.push(`"etag":${JSON.stringify(etagOf(version))}`);
    parts.push(`"lastModified":"${new Date(version.lastUpdated).toISOString()}"`);
  }
  const said = wanted === 'OperationOutcome' ? [success(describe(result)), ...issues] : issues;
  if (said.length > 0) parts.push(`"outcome":${JSON.stringify(outcomeOf(said))}`);
  const response = `"response":{${parts.join(',')}}`;
  if (wanted !== 'representation' || !version?.content) return `{${response}}`;
  const base = service.config.base();
  const fullUrl = `"fullUrl":"${base}/${version.type}/${version.id}"`;
  return `{${fullUrl},"resource":${version.content},${response}}`;
}

/** An entry that failed, in a batch. */
export function entryOfFailure({ status, issues }: Failure): string {
  const outcome = JSON.stringify(outcomeOf(issues));
  return `{"response":{"status":"${statusText(status)}","outcome":${outcome}}}`;
}

/** The answer to a read, as an entry. */
export async function entryOfInner(answer: Response): Promise<string> {
  const { status, headers } = answer;
  const parts = [`"status":"${statusText(status)}"`];
  const etag = headers.get('etag');
  const modified = headers.get('last-modified');
  if (etag) parts.push(`"etag":${JSON.stringify(etag)}`);
  if (modified) parts.push(`"lastModified":"${new Date(modified).toISOString()}"`);
  const text = await answer.text();
  if (text !== '' && status >= 400) parts.push(`"outcome":${text}`);
  const response = `"response":{${parts.join(',')}}`;
  return text === '' || status >= 400 ? `{${response}}` : `{"resource":${text},${response}}`;
}

/** `201 Created`. */
const statusText = (status: number): string => `${status} ${STATUS_CODES[status] ?? ''}`.trim();
