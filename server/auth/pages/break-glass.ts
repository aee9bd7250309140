import { html } from 'hono/html';
import { describedBy, type FieldError, type Html } from '../page.ts';
import { field, hidden } from './field.ts';

/** What is said wherever somebody opens a record in an emergency. */
export const reviewed = (text = ''): Html =>
  html`<div class="warning" role="note">
    <h2>Emergency access is reviewed</h2>
    <p>
      ${text} Your name, the patient, the time and your reason are recorded, and the privacy officer
      reviews each case.
    </p>
  </div>`;

export interface EmergencyForm {
  handle: string;
  app: string;
  patient: string | undefined;
  reason: string | undefined;
  /** Whether it asks for the password. */
  password: boolean;
  errors: readonly FieldError[];
}

export function emergencyForm(shown: EmergencyForm): Html {
  const { handle, app, patient, reason, password, errors } = shown;
  return html`${reviewed('Open the record of a patient who is not in your care only in an emergency.')}
    <p>${app} gets this one record, to read, for half an hour.</p>
    <form method="post" action="/auth/break-glass/begin"${describedBy(errors)}>
      ${hidden('handle', handle)}
      ${field({
        ...{ name: 'patient', label: 'Number of the patient', value: patient, required: true },
        hint: 'The whole record number, with its system before it if you know it (system|number), or the id',
        errors,
      })}
      ${field({
        ...{ name: 'reason', label: 'Why do you have to see this record?', value: reason },
        ...{ hint: '10 to 500 characters', required: true, errors },
      })}
      ${
        password &&
        field({
          ...{ name: 'password', label: 'Your password, again', type: 'password' as const },
          ...{ autocomplete: 'current-password', required: true, errors },
        })
      }
      <button type="submit">Record this and go on</button>
    </form>
    ${back(handle)}`;
}

const back = (handle: string): Html =>
  html`<p><a href="/auth/pick-patient?handle=${handle}">Back to the list of patients</a></p>`;

/** For who has no password here, or a second factor. */
export const proveFirst = (href: string): Html =>
  html`${reviewed()}
    <p id="again">Prove first who you are: sign in again, then come back here from the list of patients.</p>
    <p class="way"><a href="${href}">Sign in again</a></p>`;

export interface ConfirmForm {
  handle: string;
  app: string;
  name: string;
  born: string | undefined;
}

export const confirmForm = ({ handle, app, name, born }: ConfirmForm): Html =>
  html`${reviewed('It is recorded that you look at this patient.')}
    <p class="note">
      Patient: <strong>${name}</strong>, ${born === undefined ? 'date of birth unknown' : `born ${born}`}
    </p>
    <form method="post" action="/auth/break-glass/confirm">
      ${hidden('handle', handle)}
      <button type="submit" name="answer" value="open">Open this record in ${app}</button>
      <button class="second" type="submit" name="answer" value="back">This is another patient</button>
    </form>`;
