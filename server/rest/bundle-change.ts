import type { PlannedEntry } from '../fhir/bundle.ts';
import { FhirError } from '../fhir/error.ts';
import type { Change, UpdateChange } from '../store/store.ts';
import { parseTags } from './conditions.ts';

/** What an entry of a batch or transaction asks of the store. Throws FhirError invalid. */
export function changeOf(entry: PlannedEntry): Change {
  const target = targetOf(entry);
  const { method, resource, patch, ifNoneExist } = entry;
  if (method === 'DELETE')
    return { ...target, ...selection(entry), method: 'delete', multiple: true };
  if (method === 'PATCH' && patch)
    return { ...target, ...selection(entry), method: 'patch', patch };
  if (!resource) throw fault(entry, 'resource', 'The entry needs a resource.');
  if (method === 'PUT') return updateOf(entry, { ...target, method: 'update', resource });
  const condition = ifNoneExist === undefined ? {} : { ifNoneExist };
  return { ...target, ...condition, method: 'create', resource };
}

function targetOf(entry: PlannedEntry): { type: string; path: string; fullUrl?: string } {
  const { type, index, fullUrl } = entry;
  if (type === undefined) throw fault(entry, 'request.url', 'The url names no resource type.');
  const path = `Bundle.entry[${index}]`;
  return fullUrl === undefined ? { type, path } : { type, path, fullUrl };
}

function updateOf(entry: PlannedEntry, change: UpdateChange): UpdateChange {
  const { ifNoneMatch } = entry;
  if (ifNoneMatch !== undefined && ifNoneMatch.trim() !== '*') {
    throw fault(entry, 'request.ifNoneMatch', 'A PUT takes only * here: create if nothing exists.');
  }
  const only = ifNoneMatch === undefined ? {} : { mustNotExist: true };
  return { ...change, ...selection(entry), ...only };
}

/** By id or by criteria, with the versions that are acceptable. */
function selection(entry: PlannedEntry): {
  id?: string;
  criteria?: string;
  ifMatch?: readonly string[];
} {
  const { id, criteria } = entry;
  const tags = ifMatchOf(entry);
  const match = tags === undefined ? {} : { ifMatch: tags };
  if (criteria !== undefined) return { criteria, ...match };
  return id === undefined ? match : { id, ...match };
}

function ifMatchOf(entry: PlannedEntry): readonly string[] | undefined {
  if (entry.ifMatch === undefined) return undefined;
  try {
    const tags = parseTags('ifMatch', entry.ifMatch);
    return tags === '*' ? ['*'] : tags;
  } catch (error) {
    if (!(error instanceof FhirError)) throw error;
    throw fault(entry, 'request.ifMatch', error.message);
  }
}

function fault({ index }: PlannedEntry, element: string, diagnostics: string): FhirError {
  const expression = `Bundle.entry[${index}].${element}`;
  return new FhirError('invalid', [{ severity: 'error', code: 'value', diagnostics, expression }]);
}
