import type { Issue } from '../fhir/types.ts';
import type { SearchPage, Version } from '../store/store.ts';
import { outcomeOf } from './errors.ts';
import type { Service } from './service.ts';
import { type Shape, shaped } from './shape.ts';

/** The texts of a searchset's entries: matches, includes, and what the caller should know of them. */
export function entriesOf(
  { config, definitions }: Service,
  page: SearchPage,
  { shape, ignored }: { shape: Shape | undefined; ignored: readonly Issue[] },
): string[] {
  const base = config.base();
  const entry = ({ type, id, content }: Version, mode: 'match' | 'include'): string => {
    // Only what was asked for is shaped (R4 3.1.1.5.9): included resources come whole.
    const text = shape && mode === 'match' ? shaped(definitions, content, shape) : content;
    return `{"fullUrl":"${base}/${type}/${id}","resource":${text},"search":{"mode":"${mode}"}}`;
  };
  const issues = [...ignored, ...page.issues];
  return [
    ...page.matches.map((version) => entry(version, 'match')),
    ...page.included.map((version) => entry(version, 'include')),
    ...(issues.length ? [outcomeEntry(JSON.stringify(outcomeOf(issues)))] : []),
  ];
}

const outcomeEntry = (text: string): string => `{"resource":${text},"search":{"mode":"outcome"}}`;
