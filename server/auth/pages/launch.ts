import { html } from 'hono/html';
import { describedBy, type FieldError, type Html } from '../page.ts';
import type { Choice, Choices } from '../picker-search.ts';
import type { Client } from '../types.ts';
import { field, hidden } from './field.ts';
import { choiceButtons } from './pick.ts';

/** Id of the forms, for the error summary. */
export const LAUNCH = 'launch';

export interface LaunchPatients {
  text: string;
  found: Choices;
  errors: readonly FieldError[];
}

export function launchPatients({ text, found, errors }: LaunchPatients): Html {
  return html`<p>Pick the record to open the app from.</p>
    <form method="post" action="/auth/launch" role="search"${describedBy(errors)}>
      ${field({
        ...{ name: 'q', label: 'Find a patient', type: 'search', value: text },
        hint: 'Name, record number or date of birth (2001-12-31), or parts of them',
      })}
      <button class="second" type="submit">Search</button>
    </form>
    <form method="post" action="/auth/launch" id="${LAUNCH}">
      ${choiceButtons('patient', found.choices)}
      ${found.choices.length === 0 && html`<p role="status">No patient you may see fits.</p>`}
    </form>`;
}

export interface LaunchApps {
  patient: Choice;
  encounters: readonly Choice[];
  apps: readonly Client[];
}

export function launchApps({ patient, encounters, apps }: LaunchApps): Html {
  const visits = [{ id: '', name: 'No visit', details: '' }, ...encounters];
  return html`<p class="note">
      Patient: <strong>${patient.name}</strong>${patient.details && html`, ${patient.details}`}
    </p>
    <form method="post" action="/auth/launch" id="${LAUNCH}">
      ${hidden('patient', patient.id)}
      <fieldset>
        <legend>Visit</legend>
        ${visits.map(visitRadio)}
      </fieldset>
      <h2>App</h2>
      ${apps.map(
        ({ id, name }) =>
          html`<button class="choice" type="submit" name="client_id" value="${id}">${name}</button>`,
      )}
      ${apps.length === 0 && html`<p role="status">No app is registered to be started here.</p>`}
    </form>`;
}

const visitRadio = ({ id, name, details }: Choice, at: number): Html =>
  html`<div class="tick">
    <input type="radio" id="visit-${at}" name="encounter" value="${id}" ${at === 0 && html`checked`} />
    <label for="visit-${at}">${name}${details && html` <span class="hint">${details}</span>`}</label>
  </div>`;
