import { html } from 'hono/html';
import type { FieldError, Html } from '../page.ts';
import type { Choice, Choices } from '../picker-search.ts';
import type { Client } from '../types.ts';
import { hidden } from './field.ts';
import { foundHead, patientButtons, searchForm } from './pick.ts';

/** Id of the forms, for the error summary. */
export const LAUNCH = 'launch';

export interface LaunchPatients {
  text: string;
  found: Choices;
  errors: readonly FieldError[];
}

export function launchPatients({ text, found, errors }: LaunchPatients): Html {
  return html`<p>Pick the record to open the app from.</p>
    ${searchForm('/auth/launch', text, { errors })}
    <h2>${foundHead(text)}</h2>
    <form method="post" action="/auth/launch" id="${LAUNCH}">${patientButtons(text, found)}</form>`;
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
