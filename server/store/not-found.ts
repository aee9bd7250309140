import { FhirError } from '../fhir/error.ts';

/** What is not there; said in the same words of what the caller may not see. */
export function notFound(type: string, id: string, expression?: string): FhirError {
  return new FhirError('not-found', [
    {
      severity: 'error',
      code: 'not-found',
      diagnostics: `${type}/${id} is not known here. Check the type and the id.`,
      ...(expression !== undefined && { expression }),
    },
  ]);
}
