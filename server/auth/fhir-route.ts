import { FhirError } from '../fhir/error.ts';
import type { JsonObject } from '../fhir/types.ts';
import type { Allowed } from './cors.ts';
import type { AuthRoute } from './route.ts';
import { OAuthError } from './types.ts';

/** A route whose errors are OperationOutcomes, as FHIR clients read them. */
export function fhirRoute(
  ...[method, path, handler, origins]: [AuthRoute['method'], string, AuthRoute['handler'], Allowed]
): AuthRoute {
  const answer: AuthRoute['handler'] = async (service, context) => {
    try {
      return await handler(service, context);
    } catch (error) {
      if (error instanceof FhirError) return outcome(error.status, issuesOf(error));
      if (!(error instanceof OAuthError)) throw error;
      const { status, message, retryAfter } = error;
      const issue = { severity: 'error', code: CODES[status], diagnostics: message };
      const wait = retryAfter === undefined ? {} : { 'Retry-After': `${Math.ceil(retryAfter)}` };
      return outcome(status, [issue], wait);
    }
  };
  return { method, path, handler: answer, origins };
}

const CODES = { 400: 'invalid', 401: 'login', 403: 'forbidden', 429: 'throttled' } as const;

const issuesOf = ({ issues }: FhirError): JsonObject[] =>
  issues.map(({ severity, code, diagnostics, expression }) => ({
    ...{ severity, code, diagnostics: diagnostics.toWellFormed() },
    ...(expression !== undefined && { expression: [expression] }),
  }));

function outcome(status: number, issue: JsonObject[], more: Record<string, string> = {}): Response {
  const body = { resourceType: 'OperationOutcome', issue };
  const challenge = status === 401 ? { 'WWW-Authenticate': 'Bearer realm="kiln"' } : {};
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      ...{ 'Content-Type': 'application/fhir+json; charset=utf-8', 'Cache-Control': 'no-store' },
      ...{ 'X-Content-Type-Options': 'nosniff', ...challenge, ...more },
    },
  });
}
