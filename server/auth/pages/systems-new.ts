import { html } from 'hono/html';
import type { Form } from '../form.ts';
import { describedBy, type FieldError, type Html } from '../page.ts';
import { type Kind, ROLE, type ScopeSet, SETS } from '../systems-fields.ts';
import { area, field, hidden } from './field.ts';

export interface NewClientForm {
  kind: Kind;
  /** What was filled in before, or by the address. */
  form: Form;
  roles: readonly { name: string; title: string }[];
  handle: string;
  errors: readonly FieldError[];
}

/** The form for a new system or app. */
export function newClientForm(shown: NewClientForm): Html {
  const { kind, form, roles, handle, errors } = shown;
  return html`<p>${kind === 'app' ? APP : SYSTEM}</p>
    <form method="post" action="/auth/systems/new"${describedBy(errors)}>
      ${hidden('kind', kind)} ${hidden('handle', handle)}
      ${field({
        ...{ name: 'name', label: 'Name', value: form.get('name'), required: true, errors },
        hint: kind === 'app' ? 'People are asked about it by this name.' : 'Such as: Laboratory',
      })}
      ${field({
        ...{ name: 'id', label: 'Client id', value: form.get('id'), errors },
        hint: 'What it calls itself when it asks for access. Leave it empty and it is made from the name.',
      })}
      ${kind === 'app' && appFields(form, errors)}
      <fieldset>
        <legend>It may at most</legend>
        ${SETS[kind].map((set) => setTick(set, form))}
        ${field({
          ...{ name: 'scope', label: 'Other scopes', value: form.get('scope'), errors },
          hint: `Separated by spaces, such as ${kind === 'app' ? 'patient/Observation.rs' : 'system/Task.crus'}`,
        })}
      </fieldset>
      ${kind === 'system' && roleFields(roles, form)}
      <button type="submit">${kind === 'app' ? 'Register the app' : 'Create the system'}</button>
    </form>
    <p><a href="/auth/systems">All systems and apps</a></p>`;
}

const SYSTEM =
  'A system, such as an analyser or another server, acts by itself. It gets an id and a secret here; ' +
  'with keys instead of a secret it is registered by PUT /admin/clients.';
const APP = 'People start an app and give it a part of what they may do themselves.';

/** A form that was not filled in before has its defaults. */
const isTicked = (name: string, form: Form, first = false): boolean =>
  form.has('name') ? form.has(name) : first;

const tick = (name: string, label: Html | string, ticked: boolean): Html =>
  html`<div class="tick">
    <input type="checkbox" id="${name}" name="${name}" value="yes" ${ticked && html`checked`} />
    <label for="${name}">${label}</label>
  </div>`;

const setTick = ({ name, label, scopes, ticked }: ScopeSet, form: Form): Html =>
  tick(
    name,
    html`${label} <span class="hint">${scopes}</span>`,
    isTicked(name, form, ticked === true),
  );

const roleFields = (roles: NewClientForm['roles'], form: Form): Html =>
  html`<fieldset id="roles">
    <legend>Roles</legend>
    <p class="hint">
      They bound it as they bound people. Without any, only what it may at most bounds it.
    </p>
    <div class="parts">
      ${roles.map(({ name, title }) =>
        tick(`${ROLE}${name}`, title, isTicked(`${ROLE}${name}`, form)),
      )}
    </div>
  </fieldset>`;

const radio = (value: string, label: string, isChosen: boolean): Html =>
  html`<div class="tick">
    <input type="radio" id="auth-${value}" name="auth" value="${value}" ${isChosen && html`checked`} />
    <label for="auth-${value}">${label}</label>
  </div>`;

function appFields(form: Form, errors: readonly FieldError[]): Html {
  const isSecret = form.get('auth') === 'secret';
  return html`<fieldset>
      <legend>Where it runs</legend>
      ${radio('none', 'In the browser or on a device of its user: it cannot keep a secret', !isSecret)}
      ${radio('secret', 'On a server that keeps its secret', isSecret)}
    </fieldset>
    ${area({
      ...{ name: 'redirect_uris', label: 'Where it is called back', required: true, errors },
      value: form.get('redirect_uris'),
      hint: 'Its redirect addresses, to the letter, each in a line: https://app.example.org/callback',
    })}
    ${area({
      ...{ name: 'launch_uris', label: 'Where it is started from a record', errors },
      value: form.get('launch_uris'),
      hint: 'Its launch addresses, each in a line; none where people open it by themselves.',
    })}
    ${tick(
      'trusted',
      html`It is the hospital’s own
        <span class="hint">People are not asked whether it may. It may also administrate for
          administrators, and start other apps.</span>`,
      isTicked('trusted', form),
    )}`;
}
