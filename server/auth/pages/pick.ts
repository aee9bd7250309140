import { html } from 'hono/html';
import type { Html } from '../page.ts';
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

export interface PickPatient {
  handle: string;
  app: string;
  /** What was searched for. */
  text: string;
  found: Choices;
}

export function pickPatientForms({ handle, app, text, found }: PickPatient): Html {
  const { choices, more } = found;
  return html`<p>${app} works with one patient at a time. Whose record shall it open?</p>
    <form method="post" action="/auth/pick-patient" role="search">
      ${hidden('handle', handle)}
      ${field({
        ...{ name: 'q', label: 'Find a patient', type: 'search', value: text },
        hint: 'Name, record number or date of birth (2001-12-31), or parts of them',
      })}
      <button class="second" type="submit">Search</button>
    </form>
    <h2>${text === '' ? 'Patients you may see' : 'Found'}</h2>
    <form method="post" action="/auth/pick-patient">
      ${hidden('handle', handle)}
      ${choices.length > 0 ? choiceButtons('patient', choices) : nobody(text)}
      ${more && html`<p class="hint">There are others: search for more of the name.</p>`} ${cancel}
    </form>`;
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
