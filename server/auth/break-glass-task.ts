import type { JsonObject, Resource } from '../fhir/types.ts';

/** The Task of who reviews that the glass was broken. Pure. */

/** Codes of Kiln's own. */
const CODES = 'urn:kiln:task';
const REVIEW = 'break-glass-review';
const LABELS = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
const PURPOSES = 'http://terminology.hl7.org/CodeSystem/v3-ActReason';

export interface Reviewed {
  /** Of the Task and of the grant. */
  id: string;
  patient: string;
  reason: string;
  /** Who it was; `fhirUser` where there is such a resource. */
  user: { id: string; name: string; fhirUser: string | undefined };
  /** Unix milliseconds. */
  began: number;
  until: number;
}

const instant = (at: number): string => new Date(at).toISOString();

/** Labelled restricted, as the reason may say more than the record. */
export function reviewTask({ id, patient, reason, user, began, until }: Reviewed): Resource {
  return {
    ...{ resourceType: 'Task', id },
    meta: { security: [{ system: LABELS, code: 'R', display: 'restricted' }] },
    identifier: [{ system: 'urn:kiln:grant', value: id }],
    ...{ status: 'requested', intent: 'order', priority: 'asap' },
    code: {
      coding: [{ system: CODES, code: REVIEW, display: 'Review of emergency access' }],
      text: 'Review of emergency access (break the glass)',
    },
    description: 'Was there reason enough to open this record outside of the usual access?',
    for: { reference: `Patient/${patient}` },
    ...{ authoredOn: instant(began), lastModified: instant(began) },
    requester: {
      ...(user.fhirUser !== undefined && { reference: user.fhirUser }),
      ...{ identifier: { system: 'urn:kiln:user', value: user.id }, display: user.name },
    },
    performerType: [{ text: 'Privacy officer' }],
    reasonCode: { text: reason },
    restriction: { period: { start: instant(began), end: instant(until) } },
    input: [
      { type: typeOf('grant', 'Grant'), valueString: id },
      {
        type: typeOf('purpose', 'Purpose of use'),
        valueCodeableConcept: {
          coding: [{ system: PURPOSES, code: 'BTG', display: 'break the glass' }],
        },
      },
    ],
  };
}

const typeOf = (code: string, text: string): JsonObject => ({
  coding: [{ system: CODES, code }],
  text,
});

/** The Task once it was reviewed. */
export function completedTask(task: Resource, outcome: string, at: number): Resource {
  return {
    ...task,
    ...{ status: 'completed', lastModified: instant(at) },
    output: [{ type: typeOf('outcome', 'Outcome'), valueString: outcome }],
  };
}
