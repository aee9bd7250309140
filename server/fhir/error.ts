import type { Issue } from './types.ts';

/**
 * The closed list of ways a request can fail, and what each is in every protocol.
 * HTTP: R4 3.1.0 and 3.1.0.1.*; HL7 v2: table 0008.
 */
export const kinds = {
  invalid: { status: 400, issue: 'invalid', ack: 'AE', level: 'info' },
  unauthorized: { status: 401, issue: 'login', ack: 'AR', level: 'info' },
  forbidden: { status: 403, issue: 'forbidden', ack: 'AR', level: 'warn' },
  'not-found': { status: 404, issue: 'not-found', ack: 'AE', level: 'info' },
  'method-not-allowed': { status: 405, issue: 'not-supported', ack: 'AR', level: 'info' },
  'not-acceptable': { status: 406, issue: 'not-supported', ack: 'AR', level: 'info' },
  timeout: { status: 408, issue: 'timeout', ack: 'AE', level: 'info' },
  conflict: { status: 409, issue: 'conflict', ack: 'AE', level: 'info' },
  gone: { status: 410, issue: 'deleted', ack: 'AE', level: 'info' },
  precondition: { status: 412, issue: 'conflict', ack: 'AE', level: 'info' },
  'multiple-matches': { status: 412, issue: 'multiple-matches', ack: 'AE', level: 'info' },
  'too-large': { status: 413, issue: 'too-long', ack: 'AR', level: 'info' },
  'unsupported-media': { status: 415, issue: 'not-supported', ack: 'AR', level: 'info' },
  unprocessable: { status: 422, issue: 'business-rule', ack: 'AE', level: 'info' },
  'not-supported': { status: 501, issue: 'not-supported', ack: 'AR', level: 'info' },
  busy: { status: 503, issue: 'transient', ack: 'AE', level: 'warn' },
  internal: { status: 500, issue: 'exception', ack: 'AE', level: 'error' },
} as const satisfies Record<
  string,
  { status: number; issue: string; ack: 'AE' | 'AR'; level: string }
>;

export type ErrorKind = keyof typeof kinds;

/** The one error class: `issues` is what the caller may read, `cause` is only logged. */
export class FhirError extends Error {
  readonly kind: ErrorKind;
  readonly issues: readonly Issue[];

  constructor(kind: ErrorKind, issues: string | readonly Issue[], cause?: unknown) {
    const list: readonly Issue[] =
      typeof issues === 'string'
        ? [{ severity: 'error', code: kinds[kind].issue, diagnostics: issues }]
        : issues;
    super(list[0]?.diagnostics ?? kind, cause === undefined ? undefined : { cause });
    this.name = 'FhirError';
    this.kind = kind;
    this.issues = list;
  }

  get status(): number {
    return kinds[this.kind].status;
  }
}
