import { html } from 'hono/html';
import type { ClientRecord } from '../clients.ts';
import type { Html } from '../page.ts';
import { describe, parseScopes } from '../scopes.ts';
import type { Client } from '../types.ts';
import { hidden } from './field.ts';
import { dayOf } from './when.ts';

/** Pages of administrators about systems and apps. */

const isSystem = ({ grants }: Client): boolean => grants.includes('client_credentials');

export function clientsPage(records: readonly ClientRecord[]): Html {
  const systems = records.filter(({ client }) => isSystem(client));
  const apps = records.filter(({ client }) => !isSystem(client));
  return html`<p>
      Systems act by themselves, with a secret or a key. People use apps, each with what they may do
      themselves.
    </p>
    <h2>Systems</h2>
    ${cards(systems, 'No system is registered.')}
    <p class="way"><a href="/auth/systems/new?kind=system">New system</a></p>
    <h2>Apps</h2>
    ${cards(apps, 'No app is registered.')}
    <p class="way"><a href="/auth/systems/new?kind=app">Register an app</a></p>
    <p><a href="/auth/account">Your account</a></p>`;
}

const cards = (records: readonly ClientRecord[], nothing: string): Html =>
  records.length === 0
    ? html`<p>${nothing}</p>`
    : html`<ul class="plain">${records.map(card)}</ul>`;

const card = ({ client, disabledAt }: ClientRecord): Html =>
  html`<li class="card">
    <h3><a href="/auth/systems/client?${new URLSearchParams({ id: client.id })}">${client.name}</a></h3>
    <p class="hint">
      <code>${client.id}</code>, ${proofOf(client)}${client.settings.trusted && ', trusted'}${
        disabledAt !== undefined && ', disabled'
      }
    </p>
  </li>`;

const proofOf = ({ auth }: Client): string =>
  ({ none: 'public', secret: 'with a secret', key: 'with keys' })[auth];

export interface ClientPage {
  record: ClientRecord;
  /** Minutes east of UTC. */
  zone: number;
  handle: string;
}

export function clientPage({ record, zone, handle }: ClientPage): Html {
  const { client, createdAt, disabledAt } = record;
  const isActive = disabledAt === undefined;
  return html`${!isActive && html`<p class="note">Disabled since ${dayOf(disabledAt * 1000, zone)}.</p>`}
    <table>
      <tbody>
        ${row('Client id', html`<code>${client.id}</code>`)}
        ${row('Kind', isSystem(client) ? 'System' : 'App')}
        ${row('Proves itself', proofOf(client))}
        ${row('May at most', linesOf(wordsOf(client)))}
        ${isSystem(client) && row('Roles', rolesText(client))}
        ${client.redirectUris.length > 0 && row('Called back at', addresses(client.redirectUris))}
        ${client.launchUris.length > 0 && row('Started at', addresses(client.launchUris))}
        ${!isSystem(client) && row('Trusted', client.settings.trusted ? 'Yes: nobody is asked' : 'No')}
        ${row('Registered', dayOf(createdAt * 1000, zone))}
      </tbody>
    </table>
    ${client.auth === 'secret' && isActive && action(client, { handle, ...ACTIONS.secret })}
    ${action(client, { handle, ...(isActive ? ACTIONS.disable : ACTIONS.enable) })}
    <p><a href="/auth/systems">All systems and apps</a></p>`;
}

const row = (name: string, value: Html | string): Html =>
  html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`;

const linesOf = (lines: readonly (string | Html)[]): Html =>
  html`<ul class="plain">${lines.map((line) => html`<li>${line}</li>`)}</ul>`;

const addresses = (uris: readonly string[]): Html =>
  linesOf(uris.map((uri) => html`<code>${uri}</code>`));

const rolesText = ({ roles }: Client): string =>
  roles.length > 0 ? roles.join(', ') : 'None: only what it may at most bounds it';

function wordsOf({ scopes }: Client): string[] {
  const { scopes: resources, launch, identity } = parseScopes(scopes);
  const { openid, fhirUser, offline, online } = identity;
  const words = [
    ...(openid ? ['openid'] : []),
    ...(fhirUser ? ['fhirUser'] : []),
    ...(offline ? ['offline_access'] : []),
    ...(online ? ['online_access'] : []),
  ];
  return [...resources, ...launch, ...words].map(describe);
}

interface Action {
  does: string;
  head: string;
  text: string;
  label: string;
}

const ACTIONS = {
  secret: {
    ...{ does: 'secret', head: 'Another secret', label: 'Make another secret' },
    text: 'It is shown once. The one until now stops working at once.',
  },
  disable: {
    ...{ does: 'disable', head: 'Disable it', label: 'Disable' },
    text: 'All its access ends at once. It can be enabled again, and then asks for new access.',
  },
  enable: {
    ...{ does: 'enable', head: 'Enable it', label: 'Enable' },
    text: 'It may ask for access again. What it had before stays ended.',
  },
};

const action = (
  { id, name }: Client,
  { handle, does, head, text, label }: Action & { handle: string },
): Html =>
  html`<h2>${head}</h2>
    <p class="hint">${text}</p>
    <form method="post" action="/auth/systems/client">
      ${hidden('id', id)} ${hidden('handle', handle)}
      <button type="submit" class="second" name="do" value="${does}">
        ${label} <span class="unseen">for ${name}</span>
      </button>
    </form>`;

export interface SecretPage {
  client: Client;
  secret: string | undefined;
  origin: string;
  base: string;
}

/** What to hand to those who run it; the secret is never seen again. */
export function secretPage({ client, secret, origin, base }: SecretPage): Html {
  return html`${
    secret !== undefined &&
    html`<p class="note" role="status">
      This is the only time that you see the secret. Keep it where secrets are kept.
    </p>`
  }
    <table>
      <tbody>
        ${row('Client id', html`<code>${client.id}</code>`)}
        ${secret !== undefined && row('Secret', html`<code>${secret}</code>`)}
        ${row('FHIR address', html`<code>${base}</code>`)}
      </tbody>
    </table>
    ${isSystem(client) && secret !== undefined && tryOut({ id: client.id, secret, origin, base })}
    <p><a href="/auth/systems">All systems and apps</a></p>`;
}

type TryOut = Pick<SecretPage, 'origin' | 'base'> & { id: string; secret: string };

/** What a developer can paste into a terminal. */
const tryOut = ({ id, secret, origin, base }: TryOut): Html =>
  html`<h2>Try it</h2>
    <p class="hint">It gets an access token, for five minutes each time, and sends it along:</p>
    <pre tabindex="0"><code>curl -s ${origin}/auth/token \\
  -u ${id}:${secret} -d grant_type=client_credentials

curl -s ${base}/Patient \\
  -H "Authorization: Bearer &lt;access_token&gt;"</code></pre>`;
