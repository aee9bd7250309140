import { html } from 'hono/html';
import { describedBy, type FieldError, type Html } from '../page.ts';
import type { Choice, Choices } from '../picker-search.ts';
import { field, hidden } from './field.ts';

/** A list of buttons: each submits the form with what it stands for. */
export const choiceButtons = (name: string, choices: readonly Choice[]): Html =>
  html`<ul class="plain">
    ${choices.map(
      ({ id, name: shown, details }) => html`<li>
        <button class="choice" type="submit" name="${name}" value="${id}">
          ${shown}${details && html` <span class="hint">${details}</span>`}
        </button>
      </li>`,
    )}
  </ul>`;

const cancel = html`<button class="second" type="submit" name="cancel" value="yes">
  Cancel and go back to the app
</button>`;

/** The form that narrows a list of patients. `carried` goes along unseen. */
export const searchForm = (action: string, text: string, more: SearchMore = {}): Html =>
  html`<form method="post" action="${action}" role="search"${describedBy(more.errors)}>
    ${more.carried}
    ${field({
      ...{ name: 'q', label: 'Find a patient', type: 'search', value: text },
      hint: 'Begin of the names, a whole record number, or a date of birth (2001-12-31)',
      ...(more.errors && { errors: more.errors }),
    })}
    <button class="second" type="submit">Search</button>
  </form>`;

interface SearchMore {
  carried?: Html;
  errors?: readonly FieldError[];
}

/** The patients that were found, or that there are none. */
export const patientButtons = (text: string, { choices, more }: Choices): Html =>
  html`${choices.length > 0 ? choiceButtons('patient', choices) : nobody(text)}
    ${more && html`<p class="hint">There are others: search for more of the name.</p>`}`;

export const foundHead = (text: string): string => (text === '' ? 'Patients you may see' : 'Found');

export interface PickPatient {
  handle: string;
  app: string;
  /** What was searched for. */
  text: string;
  found: Choices;
  /** Whether they may open a record that is not in the list. */
  emergency: boolean;
}

export function pickPatientForms({ handle, app, text, found, emergency }: PickPatient): Html {
  const carried = hidden('handle', handle);
  return html`<p>${app} works with one patient at a time. Whose record shall it open?</p>
    ${searchForm('/auth/pick-patient', text, { carried })}
    <h2>${foundHead(text)}</h2>
    <form method="post" action="/auth/pick-patient">
      ${carried} ${patientButtons(text, found)} ${cancel}
    </form>
    ${
      emergency &&
      html`<p>
        <a href="/auth/break-glass?handle=${handle}">Patient not listed? Emergency access</a>
      </p>`
    }`;
}

const nobody = (text: string): Html =>
  text === ''
    ? html`<p role="status">There is no patient whose record you may see.</p>`
    : html`<p role="status">No patient you may see fits. Check the spelling, or search for less.</p>`;

export interface PickEncounter {
  handle: string;
  patient: string;
  found: Choices;
}

export function pickEncounterForm({ handle, patient, found }: PickEncounter): Html {
  const { choices, more } = found;
  return html`<p>Which visit or stay of ${patient} is it about?</p>
    <form method="post" action="/auth/pick-encounter">
      ${hidden('handle', handle)} ${choices.length > 0 && choiceButtons('encounter', choices)}
      ${choices.length === 0 && html`<p role="status">There is none that you may see.</p>`}
      ${more && html`<p class="hint">Only the latest are shown.</p>`}
      <button class="second" type="submit" name="none" value="yes">Go on without a visit</button>
      ${cancel}
    </form>`;
}
