import { html } from 'hono/html';
import type { Offer, Offers, Part } from '../consent-scopes.ts';
import { describedBy, type FieldError, type Html } from '../page.ts';
import { reviewed } from './break-glass.ts';
import { hidden } from './field.ts';

export interface ConsentPage {
  handle: string;
  app: { name: string; host: string };
  user: string;
  patient: { name: string; details: string } | undefined;
  /** The glass was broken for this patient. */
  isEmergency: boolean;
  /** Another one may be picked. */
  mayChange: boolean;
  offers: Offers;
  /** Names of fields that are ticked. */
  ticked: (field: string) => boolean;
  errors: readonly FieldError[];
}

/** Id of the first group of ticks, for the error summary. */
export const TICKS = 'ticks';

export function consentForm(shown: ConsentPage): Html {
  const { handle, app, user, offers, ticked, errors } = shown;
  const { patient, user: own } = offers.resources;
  return html`<p>
      You are signed in as <strong>${user}</strong>. <strong>${app.name}</strong> asks for access.
      Untick what it shall not have.
    </p>
    ${shown.isEmergency && reviewed('You open this record in an emergency.')} ${whose(shown)}
    <form method="post" action="/auth/consent" id="${TICKS}"${describedBy(errors)}>
      ${hidden('handle', handle)} ${group('The record of this patient: the app may', patient, ticked)}
      ${group('All patients you may see: the app may', own, ticked)}
      ${group('About you: the app may', offers.identity ? [offers.identity] : [], ticked)}
      ${lasting(offers.lasting, ticked)}
      <p class="hint">
        It never gets more than you may see and do yourself. You can take the access back at any time
        under <a href="/auth/account">your account</a>. You go on to ${app.host}.
      </p>
      <button type="submit" name="answer" value="allow">Allow what is ticked</button>
      <button class="second" type="submit" name="answer" value="deny">Do not allow anything</button>
    </form>`;
}

function whose({ patient, mayChange, handle }: ConsentPage): Html | undefined {
  if (!patient) return undefined;
  const { name, details } = patient;
  return html`<p class="note">
    Patient: <strong>${name}</strong>${details && html`, ${details}`}
    ${mayChange && html` - <a href="/auth/pick-patient?handle=${handle}">pick another</a>`}
  </p>`;
}

type Ticked = ConsentPage['ticked'];

const group = (legend: string, offers: readonly Offer[], ticked: Ticked): Html | undefined =>
  offers.length === 0
    ? undefined
    : html`<fieldset>
        <legend>${legend}</legend>
        ${offers.map((offer) => tickOf(offer, ticked))}
      </fieldset>`;

const tickOf = (offer: Offer, ticked: Ticked): Html =>
  html`<div class="tick">
      ${box(offer.field, ticked)}
      <label for="${offer.field}">
        ${offer.words} <code class="hint">${offer.scopes.join(' ')}</code>
      </label>
    </div>
    ${offer.kind && details(offer, ticked)}`;

const heads = {
  types: 'Only some kinds of data',
  categories: 'Only some categories',
} as const;

function details({ kind, parts, words, field }: Offer, ticked: Ticked): Html | undefined {
  if (!kind) return undefined;
  const isOpen = parts.some((part) => ticked(part.field));
  return html`<details ${isOpen && html`open`}>
    <summary>${heads[kind]}</summary>
    <fieldset aria-describedby="${field}-all">
      <legend class="unseen">${heads[kind]} of: ${words}</legend>
      <p class="hint" id="${field}-all">
        With one of these ticked, nothing else of it is shared. With none, all of it is.
      </p>
      <div class="parts">${parts.map((part) => partTick(part, ticked))}</div>
    </fieldset>
  </details>`;
}

const partTick = ({ field, words }: Part, ticked: Ticked): Html =>
  html`<div class="tick">${box(field, ticked)}<label for="${field}">${words}</label></div>`;

const box = (field: string, ticked: Ticked): Html =>
  html`<input type="checkbox" id="${field}" name="${field}" value="yes"
    ${ticked(field) && html`checked`} />`;

const lasting = (offers: readonly Offer[], ticked: Ticked): Html | undefined =>
  offers.length === 0
    ? undefined
    : html`<div class="note">
        <h2>Access that goes on: the app may</h2>
        ${offers.map((offer) => tickOf(offer, ticked))}
      </div>`;
