import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { freshDataDir } from '../reliability/kiln-process.ts';
import { needs, type Person, people } from './chromium.ts';
import { DOCTOR, fillWard, type Hospital, PASSWORD, startHospital } from './hospital.ts';

/** From the first start of a server on an empty directory to its first users. */

const { can, title } = needs('the first start in a browser');

describe.runIf(can)(title, { timeout: 120_000 }, () => {
  let hospital: Hospital;
  let origin: string;
  let person: Person;
  const newPerson = people();
  beforeAll(async () => {
    hospital = await startHospital({ KILN_DATA_DIR: freshDataDir() });
    ({ origin } = hospital.kiln);
    await fillWard(hospital);
  });
  beforeEach(async () => {
    person = await newPerson();
  });
  afterEach(() => person.page.context().close());

  const setupLink = (): string =>
    /https?:\S+\/auth\/setup\?\S+/.exec(hospital.kiln.said())?.[0] ?? '';

  test('leads by its link to an administrator with an account', async () => {
    const { page, look } = person;
    await page.goto(setupLink());
    await look('setup');
    await page.getByLabel('User name').fill('Root');
    await page.getByLabel('Your name').fill('Rita Root');
    await page.getByLabel('New password', { exact: true }).fill(PASSWORD);
    await page.getByLabel('New password, once more').fill('something else');
    await page.getByRole('button', { name: 'Create the administrator' }).click();
    expect(await page.getByRole('alert').textContent()).toContain('The two passwords differ');
    expect(await page.title()).toMatch(/^Error: /);
    await look('setup-wrong');
    await page.getByLabel('New password', { exact: true }).fill(PASSWORD);
    await page.getByLabel('New password, once more').fill(PASSWORD);
    await page.getByRole('button', { name: 'Create the administrator' }).click();
    await page.waitForURL(`${origin}/auth/account`);
    expect(await page.locator('main').textContent()).toContain('Rita Root (root)');
    await look('account-new');

    await page.goto(setupLink());
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe(
      'This link does not work',
    );
    await look('setup-used');
    // What Chromium says of a page whose status is an error; nothing else may be said.
    expect(person.faults.filter((text) => !text.includes('status of 40'))).toEqual([]);
  });

  test('lets an invited user choose a password, sign out and in, and change it', async () => {
    const { page, faults, look } = person;
    await page.goto(await hospital.invite(DOCTOR));
    await look('invited');
    await page.getByLabel('New password', { exact: true }).fill(PASSWORD);
    await page.getByLabel('New password, once more').fill(PASSWORD);
    await page.getByRole('button', { name: 'Set the password' }).click();
    await page.waitForURL(`${origin}/auth/account`);

    await page.getByLabel('Password until now').fill(PASSWORD);
    await page.getByLabel('New password', { exact: true }).fill(`${PASSWORD}, another`);
    await page.getByLabel('New password, once more').fill(`${PASSWORD}, another`);
    await page.getByRole('button', { name: 'Change the password' }).click();
    expect(await page.getByRole('status').textContent()).toBe('The password was changed.');
    await look('account-done');

    await page.goto(`${origin}/auth/sign-out`);
    await look('sign-out');
    await page.getByRole('button', { name: 'Sign out', exact: true }).click();
    await look('signed-out');
    await page.getByRole('link', { name: 'Sign in again' }).click();
    await look('sign-in');
    await page.getByLabel('User name').fill('RUIZ');
    await page.getByLabel('Password').fill(`${PASSWORD}, another`);
    expect(faults).toEqual([]);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL(`${origin}/auth/account`);
    expect(faults).toEqual([]);
  });

  test('keeps strangers out, and tells them at which field it failed', async () => {
    const { page, look } = person;
    await page.goto(`${origin}/auth/account`);
    expect(page.url()).toBe(`${origin}/auth/sign-in?next=%2Fauth%2Faccount`);
    await page.getByLabel('User name').fill('nobody');
    await page.getByLabel('Password').fill('not the password');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await look('sign-in-wrong');
    await page.getByRole('alert').getByRole('link').click();
    expect(await page.evaluate('document.activeElement.name')).toBe('login');
    await page.goto(`${origin}/auth/authorize?client_id=nobody`);
    await look('unknown-app');
    expect(person.faults.filter((text) => !text.includes('status of 40'))).toEqual([]);
  });
});
