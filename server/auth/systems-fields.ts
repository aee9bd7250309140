import type { JsonObject } from '../fhir/types.ts';
import type { Form } from './form.ts';
import type { FieldError } from './page.ts';
import type { OAuthError } from './types.ts';

/** The forms for a new system or app, as the metadata that `readMetadata` takes. */

export type Kind = 'system' | 'app';

/** Scopes that belong together, to be ticked. */
export interface ScopeSet {
  /** Name of the field. */
  name: string;
  label: string;
  scopes: string;
  ticked?: true;
}

const RESULTS = ['Specimen', 'Observation', 'DiagnosticReport'];
const BILLING = ['Account', 'ChargeItem', 'Invoice', 'Claim', 'ClaimResponse', 'PaymentNotice'];
const scopesOf = (types: readonly string[], letters: string): string =>
  types.map((type) => `system/${type}.${letters}`).join(' ');

export const SETS: Readonly<Record<Kind, readonly ScopeSet[]>> = {
  system: [
    { name: 'set-read', label: 'Read everything', scopes: 'system/*.rs' },
    {
      name: 'set-registration',
      label: 'Registration: patients, visits, coverage, appointments',
      scopes: scopesOf(['Patient', 'Encounter', 'Coverage', 'Appointment'], 'crus'),
    },
    {
      name: 'set-laboratory',
      label: 'Laboratory: read patients and orders; samples, results, reports',
      scopes: `${scopesOf(['Patient', 'ServiceRequest'], 'rs')} ${scopesOf(RESULTS, 'crus')}`,
    },
    {
      name: 'set-billing',
      label: 'Billing: read patients and visits; accounts, invoices, claims',
      scopes: `${scopesOf(['Patient', 'Encounter', 'Coverage'], 'rs')} ${scopesOf(BILLING, 'crus')}`,
    },
    {
      name: 'set-all',
      label: 'Read, change and delete everything; with the role Admin also administrate',
      scopes: 'system/*.cruds',
    },
  ],
  app: [
    {
      name: 'set-patient',
      label: 'Read the record of one patient at a time',
      scopes: 'launch launch/patient patient/*.rs',
      ticked: true,
    },
    {
      name: 'set-patient-all',
      label: 'Read and change the record of one patient at a time',
      scopes: 'launch launch/patient patient/*.cruds',
    },
    {
      name: 'set-visit',
      label: 'Know which visit or stay is open',
      scopes: 'launch launch/encounter',
    },
    { name: 'set-user', label: 'Read all that its user may read', scopes: 'user/*.rs' },
    {
      name: 'set-user-all',
      label: 'Read and change all that its user may read and change',
      scopes: 'user/*.cruds',
    },
    { name: 'set-who', label: 'Know who signs in', scopes: 'openid fhirUser', ticked: true },
    {
      name: 'set-online',
      label: 'Stay connected until its user signs out',
      scopes: 'online_access',
    },
    {
      name: 'set-offline',
      label: 'Stay connected until its user takes the access back',
      scopes: 'offline_access',
    },
  ],
};

/** The names of the ticks for roles begin so. */
export const ROLE = 'role-';

/** What was ticked and written; the id is one that may be made from the name. */
export function metadataOf(kind: Kind, form: Form): JsonObject {
  const ticked = SETS[kind].filter(({ name }) => form.has(name)).map(({ scopes }) => scopes);
  const scopes = [...ticked, form.get('scope') ?? ''].flatMap((text) => text.split(/\s+/));
  const common: JsonObject = {
    client_name: (form.get('name') ?? '').trim(),
    scope: [...new Set(scopes.filter((one) => one !== ''))].join(' '),
  };
  if (kind === 'system') {
    const names = [...form.keys()].filter((name) => name.startsWith(ROLE));
    return {
      ...common,
      ...{ token_endpoint_auth_method: 'client_secret_basic', grant_types: ['client_credentials'] },
      roles: names.map((name) => name.slice(ROLE.length)),
    };
  }
  return {
    ...common,
    token_endpoint_auth_method: form.get('auth') === 'secret' ? 'client_secret_basic' : 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    redirect_uris: linesOf(form.get('redirect_uris')),
    launch_uris: linesOf(form.get('launch_uris')),
    trusted: form.has('trusted'),
  };
}

/** Addresses hold no spaces, so any will separate them. */
const linesOf = (text = ''): string[] => text.split(/\s+/).filter((line) => line !== '');

/** `Lab system, 2nd floor` -> `lab-system-2nd-floor`; '' where nothing is left. */
export const idFrom = (name: string): string =>
  name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40);

const FIELDS: readonly (readonly [RegExp, string])[] = [
  [/redirect_uris/, 'redirect_uris'],
  [/launch_uris/, 'launch_uris'],
  [/scope/, 'scope'],
  [/client_name/, 'name'],
];

/** At which field of the form it failed. */
export function fieldError({ message }: OAuthError): FieldError {
  const [, field = 'name'] = FIELDS.find(([word]) => word.test(message)) ?? [];
  const text = message.replace(/^(?:redirect_uris|launch_uris|scope): /, '');
  if (/^redirect_uris is missing/.test(text)) {
    return { field, text: 'Enter at least one address that the app is called back at.' };
  }
  if (/^(?:scope is (?:missing|not))/.test(text)) {
    return { field, text: 'Tick or enter what it may do.' };
  }
  return { field, text };
}
