import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { postForm } from '../helpers/auth.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/postgres.ts';
import { needs, type Person, people } from './chromium.ts';
import {
  acceptInvitation,
  DOCTOR,
  fillWard,
  type Hospital,
  PASSWORD,
  signIn,
  startHospital,
} from './hospital.ts';
import { fhirclient, type SampleApp, startBrowserApp, startNodeApp } from './sample-app.ts';

/** SMART App Launch 2.2, standalone: apps of fhirclient, a person in Chromium, the whole server. */

const SCOPE = [
  ...['openid fhirUser launch/patient offline_access'],
  ...['patient/Patient.rs patient/Condition.rs patient/Observation.rs'],
].join(' ');

/** The page to sign in offers it; nobody goes there in these tests. */
const UPSTREAM = {
  ...{ KILN_IDP_ISSUER: 'https://login.hospital.example', KILN_IDP_CLIENT_ID: 'kiln' },
  KILN_IDP_NAME: 'the hospital account',
};

const { can, title } = needs('a standalone launch in a browser', fhirclient);

describe.runIf(can)(title, { timeout: 120_000 }, () => {
  let database: FreshDatabase;
  let hospital: Hospital;
  let chart: SampleApp;
  let person: Person;
  const newPerson = people();
  beforeAll(async () => {
    database = await freshDatabase();
    hospital = await startHospital({ DATABASE_URL: database.url, ...UPSTREAM });
    await fillWard(hospital);
    chart = await startBrowserApp(hospital, { id: 'chart', name: 'Growth chart', scope: SCOPE });
    const link = await hospital.invite(DOCTOR);
    const invited = await newPerson();
    await acceptInvitation(invited.page, link);
    await invited.page.context().close();
  });
  afterAll(async () => {
    await chart?.stop();
    await hospital?.kiln.kill();
    await database?.drop();
  });
  beforeEach(async () => {
    person = await newPerson();
  });
  afterEach(() => person.page.context().close());

  const start = async (app: SampleApp): Promise<void> => {
    await person.page.goto(`${app.launchUrl}?iss=${encodeURIComponent(hospital.kiln.base)}`);
    await person.page.waitForURL(`${hospital.kiln.origin}/auth/**`);
  };
  const press = (name: string | RegExp) => person.page.getByRole('button', { name }).click();
  const heading = () => person.page.getByRole('heading', { level: 1 }).textContent();
  const said = () => person.page.locator('#said').textContent();
  const comesTo = (what: string) => expect.poll(said, { timeout: 30_000 }).toBe(what);

  test('goes by sign-in, patient and consent to the record, until access is taken away', async () => {
    const { page, faults, look } = person;
    await start(chart);
    const upstream = page.getByRole('link', { name: 'Sign in with the hospital account' });
    expect(await upstream.getAttribute('href')).toMatch(/^\/auth\/upstream\?handle=/);
    await look('launch-sign-in');
    await signIn(page);

    expect(await heading()).toBe('Pick a patient');
    await look('pick-patient');
    expect(await page.getByRole('button', { name: 'Silva' }).allTextContents()).toHaveLength(1);
    await page.getByLabel('Find a patient').fill('nobody of that name');
    await press('Search');
    expect(await page.getByRole('status').textContent()).toMatch(/^No patient you may see fits/);
    await look('pick-patient-none');
    await page.getByLabel('Find a patient').fill('silva');
    await press('Search');
    await press(/^Ana Silva/);

    expect(await heading()).toBe('Allow Growth chart?');
    await look('consent');
    await page.getByRole('checkbox', { name: /diagnoses and health problems/ }).uncheck();
    await press('Allow what is ticked');
    await page.waitForURL(/\/app\.html/);
    await comesTo('Silva');

    const tokens = await page.evaluate<Tokens>('client.state.tokenResponse');
    expect(tokens).toMatchObject({ patient: 'silva', need_patient_banner: true });
    expect(tokens.scope).toContain('patient/Observation.rs');
    expect(tokens.scope).not.toContain('Condition');
    expect(await page.evaluate('client.user.fhirUser')).toBe(DOCTOR.fhirUser);
    const status = (path: string) =>
      page.evaluate<number>(
        `client.request(${JSON.stringify(path)}).then(() => 200, (error) => error.status)`,
      );
    expect(await status('Condition?patient=silva')).toBe(403);
    expect(await status('Patient/okafor')).toBe(404);
    expect(await status('Patient/elsewhere')).toBe(404);

    const fresh = await page.evaluate<Tokens>(
      'client.refresh().then(() => client.state.tokenResponse)',
    );
    expect(fresh.access_token).not.toBe(tokens.access_token);
    expect(fresh.refresh_token).not.toBe(tokens.refresh_token);
    expect(await status('Patient/silva')).toBe(200);

    const app = page;
    const account = await page.context().newPage();
    await account.goto(`${hospital.kiln.origin}/auth/account`);
    await person.lookAt(account, 'account-with-app');
    await account.getByRole('button', { name: 'Take access away from Growth chart' }).click();
    expect(await account.getByRole('status').textContent()).toBe('The app no longer has access.');
    expect(await app.evaluate('client.patient.read().catch((error) => error.status)')).toBe(401);
    const again = await postForm(`${hospital.kiln.origin}/auth/token`, {
      ...{ grant_type: 'refresh_token', client_id: chart.id },
      refresh_token: fresh.refresh_token,
    });
    expect([again.status, JSON.parse(again.text).error]).toEqual([400, 'invalid_grant']);
    // What Chromium says of the answers that were refused above.
    expect(faults.filter((text) => !/status of 40[0134]/.test(text))).toEqual([]);
  });

  test('ends with access_denied where the person does not agree', async () => {
    const { page, faults } = person;
    await start(chart);
    await signIn(page);
    await press('Cancel and go back to the app');
    await comesTo('Error: access_denied: The user did not agree.');
    await start(chart);
    await press(/^Ana Silva/);
    for (const box of await page.getByRole('checkbox').all()) await box.uncheck();
    await press('Allow what is ticked');
    expect(await page.getByRole('alert').textContent()).toContain('Nothing is ticked');
    await person.look('consent-nothing');
    await press('Do not allow anything');
    await comesTo('Error: access_denied: The user did not agree.');
    expect(faults.filter((text) => !text.includes('status of 400'))).toEqual([]);
  });

  test('can be gone through with the keyboard alone', async () => {
    const { page, faults } = person;
    await start(chart);
    const { keyboard } = page;
    await person.tabTo('User name');
    await keyboard.type(DOCTOR.login);
    await person.tabTo('Password');
    await keyboard.type(PASSWORD);
    await keyboard.press('Enter');
    await page.waitForURL(/pick-patient/);
    await person.tabTo('Ana Silva');
    await keyboard.press('Enter');
    await page.waitForURL(/consent/);
    await person.tabTo('Only some categories');
    await keyboard.press('Enter');
    await person.tabTo('the list of health problems');
    await keyboard.press('Space');
    await person.tabTo('read and search measurements');
    await keyboard.press('Space');
    await person.tabTo('Allow what is ticked');
    await keyboard.press('Enter');
    await comesTo('Silva');
    const { scope } = await page.evaluate<Tokens>('client.state.tokenResponse');
    const system = 'http://terminology.hl7.org/CodeSystem/condition-category';
    expect(scope.split(' ').filter((one) => one.startsWith('patient/'))).toEqual([
      'patient/Patient.rs',
      `patient/Condition.rs?category=${system}|problem-list-item`,
    ]);
    expect(faults).toEqual([]);
  });

  test('serves an app with a server and a secret', async () => {
    const name = 'Ward list';
    const scope = `${SCOPE} launch/encounter`;
    const app = await startNodeApp(hospital, { id: 'ward-list', name, scope });
    try {
      await start(app);
      await signIn(person.page);
      await press(/^Ana Silva/);
      await person.look('pick-visit');
      await press(/^Stay for pneumonia/);
      await press('Allow what is ticked');
      await comesTo('Silva');
    } finally {
      await app.stop();
    }
  });
});

interface Tokens {
  access_token: string;
  refresh_token: string;
  scope: string;
}
