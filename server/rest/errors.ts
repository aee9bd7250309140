import { DbError } from '../db/db.ts';
import { type ErrorKind, FhirError, kinds } from '../fhir/error.ts';
import type { Issue, JsonObject, Resource } from '../fhir/types.ts';
import type { Log } from '../log.ts';

/** What the caller gets to know of something thrown. */
export interface Failure {
  status: number;
  kind: ErrorKind;
  issues: readonly Issue[];
  /** Seconds, for the Retry-After header. */
  retryAfter?: number;
  /** Where the log is to hold what was thrown: `error` for a fault of ours, `warn` for PostgreSQL. */
  log?: 'warn' | 'error';
}

const RETRY_AFTER_S = 1;

/**
 * What a thrown value is to the caller. Anything that is neither a FhirError nor an error of the
 * database is a fault of ours: 500, and only the id of the request to find it by in the log.
 */
export function failureOf(thrown: unknown, requestId: string): Failure {
  const error = asFhirError(thrown);
  if (error) {
    const { status, kind, issues } = error;
    const failure: Failure = { status, kind, issues };
    if (kind === 'busy') failure.retryAfter = RETRY_AFTER_S;
    // While the database is away every request would say so; db/ logs that itself.
    if (thrown instanceof DbError && thrown.kind !== 'unavailable') failure.log = 'warn';
    return failure;
  }
  const text = `Something failed inside the server. Quote request ${requestId} when you report it.`;
  const issue: Issue = { severity: 'fatal', code: kinds.internal.issue, diagnostics: text };
  return { status: kinds.internal.status, kind: 'internal', issues: [issue], log: 'error' };
}

function asFhirError(thrown: unknown): FhirError | undefined {
  if (thrown instanceof FhirError) return thrown;
  return thrown instanceof DbError ? fromDatabase(thrown) : undefined;
}

const COME_BACK = 'The database cannot take this now. Try again shortly.';
const UNSURE =
  'The connection to the database was lost while the write was confirmed: it may or may not be ' +
  'stored. Read before you send it again, or send it with If-None-Exist or If-Match.';

function fromDatabase(error: DbError): FhirError | undefined {
  if (error.maybeCommitted) return new FhirError('busy', UNSURE, error);
  if (error.kind === 'unavailable' || error.kind === 'too-busy') {
    return new FhirError('busy', COME_BACK, error);
  }
  if (error.kind === 'conflict') {
    const text = 'Other writers kept changing the same resources. Send the request again.';
    return new FhirError('conflict', text, error);
  }
  if (error.kind === 'timeout') {
    const text = 'The database took too long. Ask for less: more criteria, or a smaller _count.';
    return new FhirError(
      'busy',
      [{ severity: 'error', code: 'timeout', diagnostics: text }],
      error,
    );
  }
  return undefined;
}

/** The OperationOutcome of a list of issues (R4 OperationOutcome). */
export function outcomeOf(issues: readonly Issue[]): Resource {
  return { resourceType: 'OperationOutcome', issue: issues.map(issueOf) };
}

function issueOf(issue: Issue): JsonObject {
  const { severity, code, diagnostics, expression } = issue;
  const element: JsonObject = { severity, code, diagnostics: printable(diagnostics) };
  if (expression !== undefined) element.expression = [expression];
  return element;
}

/** Diagnostics quote callers; XML has no place for control characters, UTF-8 none for halves. */
const printable = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  text.toWellFormed().replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd');

/** The outcome of something that went well. */
export function success(diagnostics: string): Issue {
  return { severity: 'information', code: 'informational', diagnostics };
}

/** Writes down what was thrown, where the caller's answer does not say enough to whoever runs this. */
export function logFailure(
  log: Log,
  failure: Failure,
  { requestId, error }: { requestId: string; error: unknown },
): void {
  if (failure.log) log[failure.log]({ requestId, part: 'rest', error }, 'request failed');
}
