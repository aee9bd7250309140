import type { Page } from 'playwright-core';
import type { JsonObject } from '../../server/fhir/types.ts';
import { type Kiln, startKiln } from '../reliability/kiln-process.ts';

/** A small hospital on a server of its own, as `npm start` runs it with KILN_AUTH=smart. */
export interface Hospital {
  kiln: Kiln;
  /** A request to the admin API or the FHIR interface, by the client of KILN_BOOTSTRAP_CLIENT. */
  send(method: 'GET' | 'PUT' | 'POST', path: string, body?: object): Promise<JsonObject>;
  /** Makes a user; answers the link with which they choose a password. */
  invite(user: { login: string; name: string } & Record<string, unknown>): Promise<string>;
}

export const BOOTSTRAP = { id: 'first', secret: 'correct-horse-battery' };
export const PASSWORD = 'a ward full of words';

/** @param settings where its data is, and what else is not the default */
export async function startHospital(settings: Record<string, string>): Promise<Hospital> {
  const kiln = await startKiln({
    ...{ KILN_AUTH: 'smart', KILN_BOOTSTRAP_CLIENT: `${BOOTSTRAP.id}:${BOOTSTRAP.secret}` },
    ...settings,
  });
  const token = await tokenOf(kiln);
  const send: Hospital['send'] = async (method, path, body) => {
    const response = await fetch(`${kiln.origin}${path}`, {
      ...{ method, body: body ? JSON.stringify(body) : null },
      headers: {
        Authorization: `Bearer ${token}`,
        'Content-Type': path.startsWith('/fhir') ? 'application/fhir+json' : 'application/json',
      },
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === '' ? {} : JSON.parse(text);
  };
  return {
    ...{ kiln, send },
    invite: async (user) => String((await send('POST', '/admin/users', user))['invitation']),
  };
}

async function tokenOf({ origin }: Kiln): Promise<string> {
  const { id, secret } = BOOTSTRAP;
  const response = await fetch(`${origin}/auth/token`, {
    method: 'POST',
    headers: { Authorization: `Basic ${btoa(`${id}:${secret}`)}` },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  });
  return ((await response.json()) as { access_token: string }).access_token;
}

const patient = (id: string, mrn: string, ...[given, family]: [string, string]) => ({
  ...{ resourceType: 'Patient', id, name: [{ given: [given], family }], birthDate: '1974-12-25' },
  identifier: [{ system: 'https://hospital.example/mrn', value: mrn }],
  managingOrganization: { reference: 'Organization/main' },
});

const stay = (id: string, subject: string, start: string) => ({
  ...{ resourceType: 'Encounter', id, status: 'in-progress', period: { start } },
  class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'IMP' },
  type: [{ text: 'Stay for pneumonia' }],
  subject: { reference: `Patient/${subject}` },
  serviceProvider: { reference: 'Organization/main' },
  location: [{ location: { reference: 'Location/ward1' } }],
});

const RECORDS = [
  { resourceType: 'Organization', id: 'main', name: 'Main hospital' },
  {
    ...{ resourceType: 'Location', id: 'ward1', name: 'Ward 1' },
    managingOrganization: { reference: 'Organization/main' },
  },
  { resourceType: 'Practitioner', id: 'ruiz', name: [{ family: 'Ruiz', given: ['Ada'] }] },
  {
    ...{ resourceType: 'PractitionerRole', id: 'ruiz', active: true },
    practitioner: { reference: 'Practitioner/ruiz' },
    organization: { reference: 'Organization/main' },
    location: [{ reference: 'Location/ward1' }],
  },
  patient('silva', 'MRN-1001', 'Ana', 'Silva'),
  patient('okafor', 'MRN-1002', 'Chukwuemeka Maximilian', 'Okafor-Hohenstaufen'),
  patient('elsewhere', 'MRN-1003', 'Rui', 'Silva'),
  stay('stay', 'silva', '2026-03-01T08:30:00Z'),
  stay('other-stay', 'okafor', '2026-03-02T21:00:00Z'),
  {
    ...{ resourceType: 'Condition', id: 'pneumonia', subject: { reference: 'Patient/silva' } },
    ...{ encounter: { reference: 'Encounter/stay' }, code: { text: 'Pneumonia' } },
  },
];

/** A ward with two patients and a doctor on duty there, and a patient who lies elsewhere. */
export async function fillWard({ send }: Hospital): Promise<void> {
  await send('POST', '/fhir', {
    ...{ resourceType: 'Bundle', type: 'transaction' },
    entry: RECORDS.map((resource) => ({
      resource,
      request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` },
    })),
  });
}

/** The doctor on duty. */
export const DOCTOR = {
  ...{ login: 'ruiz', name: 'Ada Ruiz', fhirUser: 'Practitioner/ruiz' },
  ...{ roles: ['Clinician'], branches: ['main'] },
};

/** Chooses a password by the link of an invitation, and so signs in. */
export async function acceptInvitation(page: Page, link: string): Promise<void> {
  await page.goto(link);
  await page.getByLabel('New password', { exact: true }).fill(PASSWORD);
  await page.getByLabel('New password, once more').fill(PASSWORD);
  await page.getByRole('button', { name: 'Set the password' }).click();
  await page.waitForURL(/\/auth\/account$/);
}

export async function signIn(page: Page): Promise<void> {
  await page.getByLabel('User name').fill(DOCTOR.login);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
}
