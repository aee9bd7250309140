import { html } from 'hono/html';
import type { FieldError, Html } from '../page.ts';

export interface Field {
  /** Id and name of the input. */
  name: string;
  label: string;
  type?: 'text' | 'password' | 'search' | 'email';
  value?: string | undefined;
  hint?: string;
  /** `username`, `current-password`, .. (HTML, autofill). */
  autocomplete?: string;
  required?: boolean;
  errors?: readonly FieldError[];
}

/** A labelled input; its hint and what is wrong with it are read out with it. */
export const field = (shown: Field): Html =>
  labelled(
    shown,
    (states) =>
      html`<input id="${shown.name}" name="${shown.name}" type="${shown.type ?? 'text'}"
        value="${shown.value ?? ''}" autocomplete="${shown.autocomplete ?? 'off'}" ${states} />`,
  );

/** The same for several lines of text. */
export const area = (shown: Omit<Field, 'type' | 'autocomplete'>): Html =>
  labelled(
    shown,
    (states) =>
      html`<textarea id="${shown.name}" name="${shown.name}" rows="2" autocomplete="off"
        spellcheck="false" ${states}>${shown.value ?? ''}</textarea>`,
  );

function labelled({ name, label, hint, errors = [], required }: Field, input: Input): Html {
  const wrong = errors.find((one) => one.field === name);
  const about = [hint && `${name}-hint`, wrong && `${name}-wrong`].filter(Boolean).join(' ');
  const states = html`${required && html`required`} ${wrong && html`aria-invalid="true"`}
    ${about && html`aria-describedby="${about}"`}`;
  return html`<div class="field">
    <label for="${name}">${label}</label>
    ${hint && html`<span class="hint" id="${name}-hint">${hint}</span>`}
    ${wrong && html`<span class="wrong" id="${name}-wrong">${wrong.text}</span>`}
    ${input(states)}
  </div>`;
}

/** Makes the element with these attributes among its own. */
type Input = (states: Html) => Html;

/** A field that the person does not see. */
export const hidden = (name: string, value: string): Html =>
  html`<input type="hidden" name="${name}" value="${value}" />`;
