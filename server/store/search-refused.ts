import { FhirError } from '../fhir/error.ts';

/** What a search is refused with when only the store can tell that a parameter does not work. */
export function refused(param: string, code: string, reason: string): FhirError {
  const diagnostics = `The parameter "${param}" was refused: ${reason}.`;
  return new FhirError('invalid', [
    { severity: 'error', code, diagnostics, expression: `http.${param}` },
  ]);
}
