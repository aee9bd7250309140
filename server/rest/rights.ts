import { FhirError } from '../fhir/error.ts';
import type { Exchange } from './request.ts';

/**
 * What is for those who run the server; `what` as in "You may not ...".
 * @throws FhirError forbidden
 */
export function requireAdmin({ actor }: Exchange, what: string): void {
  if (!actor.access || actor.access.admin) return;
  throw new FhirError('forbidden', `You may not ${what}: it is for administrators of the server.`);
}
