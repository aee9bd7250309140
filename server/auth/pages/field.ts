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
export function field({ name, label, hint, errors = [], ...rest }: Field): Html {
  const wrong = errors.find((one) => one.field === name);
  const about = [hint && `${name}-hint`, wrong && `${name}-wrong`].filter(Boolean).join(' ');
  return html`<div class="field">
    <label for="${name}">${label}</label>
    ${hint && html`<span class="hint" id="${name}-hint">${hint}</span>`}
    ${wrong && html`<span class="wrong" id="${name}-wrong">${wrong.text}</span>`}
    <input id="${name}" name="${name}" type="${rest.type ?? 'text'}" value="${rest.value ?? ''}"
      autocomplete="${rest.autocomplete ?? 'off'}"
      ${rest.required && html`required`} ${wrong && html`aria-invalid="true"`}
      ${about && html`aria-describedby="${about}"`} />
  </div>`;
}

/** A field that the person does not see. */
export const hidden = (name: string, value: string): Html =>
  html`<input type="hidden" name="${name}" value="${value}" />`;
