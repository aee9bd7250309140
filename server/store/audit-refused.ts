import type { Definitions } from '../fhir/definitions.ts';
import { FhirError } from '../fhir/error.ts';
import type { SearchQuery, Term } from '../fhir/query.ts';
import { compartmentTypes } from '../fhir/query-compartment.ts';
import { refused } from './search-refused.ts';
import type { Change } from './store.ts';

/**
 * AuditEvents are rows of the journal, not of the tables of resources: what would look for them there
 * and find none is refused.
 */

export const AUDIT_EVENT = 'AuditEvent';

/** Parameters of every type that AuditEvents are not found by. */
export const UNSEARCHED: ReadonlySet<string> = new Set(['_text', '_content', '_list']);

/** Orders of the journal. */
const ORDERS: ReadonlySet<string> = new Set(['date', '_lastUpdated']);

export const switchedOff = (): FhirError =>
  new FhirError(
    'not-found',
    'The audit journal of this server is switched off, so there are no AuditEvents. The setting is ' +
      'KILN_AUDIT.',
  );

const appendOnly = (what: string, path: string | undefined): FhirError =>
  new FhirError('method-not-allowed', [
    {
      ...{ severity: 'error', code: 'not-supported' },
      diagnostics: `The audit journal is append only: AuditEvents ${what}.`,
      ...(path !== undefined && { expression: path }),
    },
  ]);

/** The history of all AuditEvents would be the journal itself. */
export const noHistory = (): FhirError =>
  appendOnly('have one version each, so there is no history of them all. Search them', undefined);

/** @throws FhirError method-not-allowed for what would change the journal, or add to it where it is off */
export function refuseJournalChanges(isOn: boolean, changes: readonly Change[]): void {
  for (const change of changes) {
    const { type, method, path } = change;
    if (type !== AUDIT_EVENT) continue;
    if (method !== 'create') throw appendOnly('are neither changed nor deleted', path);
    if (change.ifNoneExist !== undefined) {
      throw appendOnly('are not created by condition. Leave If-None-Exist out', path);
    }
    if (isOn) continue;
    const [issue] = switchedOff().issues;
    throw new FhirError('method-not-allowed', [
      {
        ...{ severity: 'error', code: 'not-supported' },
        diagnostics: issue?.diagnostics ?? '',
        ...(path !== undefined && { expression: path }),
      },
    ]);
  }
}

/**
 * Searches of other types that lead to AuditEvents.
 * @throws FhirError invalid
 */
export function refuseJoins(definitions: Definitions, query: SearchQuery): void {
  const { types, where, include, revinclude } = query;
  if (where.some(leadsThere)) {
    throw refused('_has', 'not-supported', `${APART}, so no search leads through them`);
  }
  if (revinclude.some(({ source }) => source === AUDIT_EVENT)) {
    throw refused('_revinclude', 'not-supported', `${APART}; ${ASK}`);
  }
  if (include.some(({ source, target }) => source === AUDIT_EVENT || target === AUDIT_EVENT)) {
    throw refused('_include', 'not-supported', `${APART}; ${ASK}`);
  }
  if (types.length > 1 && types.includes(AUDIT_EVENT) && !isWhole(definitions, query)) {
    throw refused('_type', 'not-supported', `${APART}; search them by themselves`);
  }
}

const APART = 'AuditEvents are kept apart from all other resources';
const ASK = 'ask for them with AuditEvent?patient=, ?agent= or ?entity=';

/** Nobody named the types: then AuditEvents are left out (docs/authorization.md). */
function isWhole(definitions: Definitions, { types, compartment }: SearchQuery): boolean {
  const [root = ''] = compartment?.split('/') ?? [];
  const all = compartment ? compartmentTypes(definitions, root) : definitions.resourceTypes;
  return types.length >= (all?.length ?? 0);
}

function leadsThere(term: Term): boolean {
  switch (term.kind) {
    case 'any':
    case 'all':
      return term.terms.some(leadsThere);
    case 'not':
      return leadsThere(term.term);
    case 'has':
      return term.source === AUDIT_EVENT || term.where.some(leadsThere);
    case 'chain':
      return (
        term.targets.every(({ type }) => type === AUDIT_EVENT) ||
        term.targets.some(({ where }) => where.some(leadsThere))
      );
    default:
      return false;
  }
}

/**
 * What a search of the journal cannot do.
 * @throws FhirError invalid
 */
export function refuseUnsearched({ where, sort, include, revinclude }: SearchQuery): void {
  if (include.length > 0) throw refused('_include', 'not-supported', NOTHING_ELSE);
  if (revinclude.length > 0) throw refused('_revinclude', 'not-supported', NOTHING_ELSE);
  const [joined] = where.flatMap(unsearched);
  if (joined !== undefined) throw refused(joined, 'not-supported', NOT_JOINED);
  const [first] = sort;
  if (sort.some(({ code, descending }) => !ORDERS.has(code) || descending !== first?.descending)) {
    const orders = [...ORDERS].join(', ');
    throw refused('_sort', 'not-supported', `AuditEvents are sorted by ${orders}, up or down`);
  }
}

const NOTHING_ELSE =
  'a search of AuditEvents gives nothing but AuditEvents; ask for the rest by id';
const NOT_JOINED =
  'AuditEvents are searched by what stands in them, not through other resources and not word by ' +
  'word; ask for the ids first';

/** What in the term looks elsewhere, in the words of a search. */
function unsearched(term: Term): string[] {
  switch (term.kind) {
    case 'any':
    case 'all':
      return term.terms.flatMap(unsearched);
    case 'not':
      return unsearched(term.term);
    case 'has':
      return [term.source === 'List' ? '_list' : '_has'];
    case 'chain':
      return [term.key.replace(/^AuditEvent\./, '')];
    case 'fulltext':
      return [`_${term.of}`];
    default:
      return [];
  }
}
