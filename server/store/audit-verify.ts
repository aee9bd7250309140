import type { Verification } from '../audit/audit.ts';
import { FhirError } from '../fhir/error.ts';
import { forbidden, limitOf } from './access.ts';
import { auditOf, type Journal } from './audit-read.ts';
import { AUDIT_EVENT } from './audit-refused.ts';
import type { Actor } from './store.ts';

/** Days of UTC, `2026-11-23`, inclusive; absent: from the first on, to the last. */
export interface Days {
  from?: string;
  to?: string;
}

/**
 * Recomputes the chain of the journal, for who may see all of it.
 * @throws FhirError forbidden; not-found where the journal is switched off
 */
export async function verifyJournal(
  journal: Journal,
  actor: Actor,
  days: Days,
): Promise<Verification> {
  const limit = limitOf(actor, AUDIT_EVENT, 's');
  if (limit === 'none') throw forbidden(AUDIT_EVENT, 's');
  if (limit !== 'all') {
    const text = 'You may see some AuditEvents only, so you may not verify the journal as a whole.';
    throw new FhirError('forbidden', text);
  }
  return auditOf(journal).verify(days);
}
