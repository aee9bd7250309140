import { isNumber } from './decimal.ts';
import { foldString } from './terms.ts';
import type { JsonValue, Resource } from './types.ts';

/** What `_text` and `_content` look into (R4 3.1.1.4.20): words, folded like strings. */

/** A page of prose has 3,000 characters; what is longer is found by its beginning. */
const MAX_NARRATIVE = 50_000;
const MAX_CONTENT = 200_000;

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function character(whole: string, name: string): string {
  if (!name.startsWith('#')) return ENTITIES[name] ?? ' ';
  const code = name[1] === 'x' ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
}

/** The words of the narrative without its markup; '' where there is none. */
export function narrativeWords({ text }: Resource): string {
  const { div } = (text ?? {}) as { div?: unknown };
  if (typeof div !== 'string') return '';
  const plain = div
    .slice(0, MAX_NARRATIVE)
    .replace(/<[^>]*>/g, ' ')
    .replace(/&(#?\w{1,8});/g, character);
  return foldString(plain);
}

/** The words of all texts of a resource, those of its narrative (as they are) in front. */
export function contentWords(resource: Resource, narrative: string): string {
  const found = [narrative];
  let left = MAX_CONTENT;
  const visit = (value: JsonValue | undefined, name: string): void => {
    if (left <= 0 || name === 'div') return;
    if (typeof value === 'string') {
      found.push(value.slice(0, left));
      left -= value.length;
    } else if (Array.isArray(value)) {
      for (const item of value) visit(item, name);
    } else if (value !== null && typeof value === 'object' && !isNumber(value)) {
      for (const [member, item] of Object.entries(value)) visit(item as JsonValue, member);
    }
  };
  visit(resource as unknown as JsonValue, '');
  return foldString(found.join(' '));
}
