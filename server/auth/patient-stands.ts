import { FhirError } from '../fhir/error.ts';
import { parseJson } from '../fhir/json.ts';
import type { JsonObject } from '../fhir/types.ts';
import type { AuthService, Grant } from './types.ts';

const actor = { kind: 'system', name: 'auth' } as const;

/**
 * Whether the patient of a launch may still be worked with: false once the record was deleted, or
 * merged into another (R4 Patient.link, `replaced-by`). Going on with the other record without a
 * launch would change whose data an app shows without anybody seeing it.
 */
export async function patientStands(
  { store }: AuthService,
  { context: { patient } }: Grant,
): Promise<boolean> {
  if (patient === undefined) return true;
  try {
    const { content } = await store.read(actor, 'Patient', patient);
    const links = ((parseJson(content) as JsonObject)['link'] ?? []) as JsonObject[];
    return !links.some(({ type }) => type === 'replaced-by');
  } catch (error) {
    if (error instanceof FhirError && error.kind === 'gone') return false;
    if (error instanceof FhirError && error.kind === 'not-found') return true;
    throw error;
  }
}
