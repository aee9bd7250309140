import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../helpers/postgres.ts';
import { needs, people } from './chromium.ts';
import { acceptInvitation, DOCTOR, fillWard, type Hospital, startHospital } from './hospital.ts';
import { fhirclient, type SampleApp, startBrowserApp } from './sample-app.ts';

/** SMART App Launch 2.2 from the record: /auth/launch, fhirclient, Chromium, the whole server. */

const SCOPE = 'openid fhirUser launch online_access patient/*.rs user/Practitioner.rs';

const { can, title } = needs('an EHR launch in a browser', fhirclient);

describe.runIf(can)(title, { timeout: 120_000 }, () => {
  let database: FreshDatabase;
  let hospital: Hospital;
  let app: SampleApp;
  const newPerson = people();
  beforeAll(async () => {
    database = await freshDatabase();
    hospital = await startHospital({ DATABASE_URL: database.url });
    await fillWard(hospital);
    app = await startBrowserApp(hospital, { id: 'rounds', name: 'Ward rounds', scope: SCOPE });
  });
  afterAll(async () => {
    await app?.stop();
    await hospital?.kiln.kill();
    await database?.drop();
  });

  test('gives the app the patient and the visit that were open, until sign-out', async () => {
    const { page, faults, look, lookAt } = await newPerson();
    const { origin, base } = hospital.kiln;
    await acceptInvitation(page, await hospital.invite(DOCTOR));
    await page.goto(`${origin}/auth/launch`);
    await look('launch-patients');
    await page.getByLabel('Find a patient').fill('MRN-1001');
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByRole('button', { name: /^Ana Silva/ }).click();
    await look('launch-apps');
    await page.getByRole('radio', { name: /^Stay for pneumonia/ }).check();
    await page.getByRole('button', { name: 'Ward rounds' }).click();

    await page.waitForURL(`${origin}/auth/consent?*`);
    await look('consent-everything');
    await page.locator('summary').first().click();
    await look('consent-everything-open');
    await page.getByRole('button', { name: 'Allow what is ticked' }).click();
    const said = page.locator('#said');
    await expect.poll(() => said.textContent(), { timeout: 30_000 }).toBe('Silva');
    expect(await page.evaluate('client.state.tokenResponse')).toMatchObject({
      ...{ patient: 'silva', encounter: 'stay', need_patient_banner: true },
    });
    expect(await page.evaluate('client.encounter.read().then(({ id }) => id)')).toBe('stay');
    expect(await page.evaluate('client.user.read().then(({ id }) => id)')).toBe('ruiz');
    const style = await page.evaluate<string>('client.state.tokenResponse.smart_style_url');
    expect(new URL(style).origin).toBe(new URL(base).origin);
    expect(faults).toEqual([]);

    const other = await page.context().newPage();
    await other.goto(`${origin}/auth/sign-out`);
    await lookAt(other, 'sign-out-after-launch');
    await other.getByRole('button', { name: 'Sign out' }).click();
    expect(await other.getByRole('status').textContent()).toBe('You are signed out.');
    const refused = 'client.refresh().then(() => "refreshed", () => "refused")';
    expect(await page.evaluate(refused)).toBe('refused');
  });
});
