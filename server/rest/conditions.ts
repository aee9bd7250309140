import type { IncomingHttpHeaders } from 'node:http';
import { FhirError } from '../fhir/error.ts';

/** A list of version ids, or `*` for any version. */
export type Tags = '*' | readonly string[];

/** What a write may only happen under (R4 3.1.0.5, 3.1.0.8.1). */
export interface Preconditions {
  ifMatch?: readonly string[];
  mustNotExist?: boolean;
  ifNoneExist?: string;
}

const TAG = /^\s*(?:W\/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*$/;

/**
 * The version ids of an If-Match or If-None-Match header: `W/"3"`, `"3"`, lists of them or `*`.
 * Weak and strong tags are one, because a version id is all that a tag holds. Throws invalid.
 */
export function parseTags(name: string, text: string): Tags {
  if (text.trim() === '*') return '*';
  return text.split(',').map((part) => {
    const tag = TAG.exec(part)?.[1];
    if (tag === undefined || tag === '') {
      const what = `${name}: "${part.trim().slice(0, 60)}" is no entity tag.`;
      throw new FhirError('invalid', `${what} Send the ETag of a version, such as W/"3".`);
    }
    return tag;
  });
}

/**
 * The preconditions of a write. Each interaction says which it takes; one that it does not take is
 * refused, because a write that ignores a precondition may destroy what its caller wanted to keep.
 */
export function preconditions(
  headers: IncomingHttpHeaders,
  taken: readonly ('if-match' | 'if-none-match' | 'if-none-exist')[],
): Preconditions {
  refuseOthers(headers, taken);
  const found: Preconditions = {};
  const match = headers['if-match'];
  const noneMatch = headers['if-none-match'];
  if (match !== undefined && noneMatch !== undefined) {
    throw new FhirError(
      'invalid',
      'If-Match and If-None-Match contradict each other in one request. Send one of them.',
    );
  }
  if (match !== undefined) found.ifMatch = listOf(parseTags('If-Match', match));
  if (noneMatch !== undefined) {
    if (parseTags('If-None-Match', noneMatch) !== '*') {
      const hint = 'Send * to create only where nothing exists, or If-Match to name a version.';
      throw new FhirError('invalid', `If-None-Match with a version has no use here. ${hint}`);
    }
    found.mustNotExist = true;
  }
  const noneExist = headers['if-none-exist'];
  if (noneExist !== undefined) found.ifNoneExist = criteriaOf(String(noneExist));
  return found;
}

const listOf = (tags: Tags): readonly string[] => (tags === '*' ? ['*'] : tags);

const conditional = ['if-match', 'if-none-match', 'if-none-exist'] as const;
const byDate = ['if-unmodified-since', 'if-modified-since'] as const;

function refuseOthers(headers: IncomingHttpHeaders, taken: readonly string[]): void {
  for (const name of [...conditional, ...byDate]) {
    if (headers[name] === undefined || taken.includes(name)) continue;
    const instead = taken.length ? `It takes ${taken.join(' or ')}.` : 'It takes no precondition.';
    throw new FhirError('invalid', `This interaction does not take the header ${name}. ${instead}`);
  }
}

/** `Patient?identifier=1`, `?identifier=1` and `identifier=1` all mean the last. */
function criteriaOf(text: string): string {
  const criteria = text.slice(text.indexOf('?') + 1).trim();
  if (criteria === '') {
    throw new FhirError(
      'invalid',
      'If-None-Exist is empty. State search parameters that identify.',
    );
  }
  return criteria;
}

/**
 * Whether a read may be answered 304 (R4 3.1.0.1.4). If-None-Match, where present, is the only one
 * that counts (RFC 9110 13.1.3).
 */
export function isUnmodified(
  headers: IncomingHttpHeaders,
  version: number,
  lastUpdated: number,
): boolean {
  const noneMatch = headers['if-none-match'];
  if (noneMatch !== undefined) {
    const tags = parseTags('If-None-Match', noneMatch);
    return tags === '*' || tags.includes(String(version));
  }
  const since = headers['if-modified-since'];
  if (since === undefined) return false;
  const asked = Date.parse(since);
  if (Number.isNaN(asked)) {
    const hint = 'Send it as "Sat, 29 Oct 1994 19:43:31 GMT".';
    throw new FhirError(
      'invalid',
      `If-Modified-Since: "${since.slice(0, 60)}" is no date. ${hint}`,
    );
  }
  // HTTP dates have seconds; lastUpdated has milliseconds.
  return Math.floor(lastUpdated / 1000) * 1000 <= asked;
}
