import { isObject } from '../fhir/json.ts';
import type { JsonValue } from '../fhir/types.ts';

/** One reason of an OperationOutcome, as far as it is wanted here. */
export interface Issue {
  code: string;
  diagnostics: string;
  /** FHIRPath of the element; empty where none is named. */
  expression: string;
}

/** The errors of an OperationOutcome, at least one. */
export function issuesOf(outcome: JsonValue | undefined): Issue[] {
  const list = isObject(outcome) && Array.isArray(outcome['issue']) ? outcome['issue'] : [];
  const issues = list.flatMap((item) => {
    if (!isObject(item)) return [];
    const { severity, code, diagnostics, details, expression } = item;
    if (severity !== 'error' && severity !== 'fatal') return [];
    const text = diagnostics ?? (isObject(details) ? details['text'] : undefined);
    const [path] = Array.isArray(expression) ? expression : [];
    return [{ code: textOf(code), diagnostics: textOf(text), expression: textOf(path) }];
  });
  if (issues.length > 0) return issues;
  return [{ code: '', diagnostics: 'The server gave no reason.', expression: '' }];
}

const textOf = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '');

const ENTRY = /^Bundle\.entry\[(\d+)\](\.resource)?/;

/** The index of the entry that an issue is about. */
export function entryIndex(issue: Issue | undefined): number | undefined {
  const index = ENTRY.exec(issue?.expression ?? '')?.[1];
  return index === undefined ? undefined : Number(index);
}

/** The expression as if the resource had come alone: `Observation.status`. */
export function withinEntry(expression: string, type: string): string {
  return expression.replace(ENTRY, (_whole, _index, resource) => (resource ? type : 'entry'));
}
