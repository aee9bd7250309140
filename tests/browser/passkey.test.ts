import type { CDPSession, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../helpers/postgres.ts';
import { needs, type Person, people } from './chromium.ts';
import { acceptInvitation, DOCTOR, type Hospital, PASSWORD, startHospital } from './hospital.ts';

/** Passkeys in Chromium, with an authenticator that its debugger plays. */

const { can, title } = needs('passkeys in a browser');

/** A security key with a PIN, or the authenticator of a device, plugged into the page. */
interface Key {
  /** Whether somebody touches it when it is asked; until then it waits. */
  touch(touched: boolean): Promise<void>;
  remove(): Promise<void>;
}

async function plugIn(page: Page): Promise<Key> {
  const debug: CDPSession = await page.context().newCDPSession(page);
  await debug.send('WebAuthn.enable');
  const { authenticatorId } = await debug.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      ...{ protocol: 'ctap2', transport: 'internal', automaticPresenceSimulation: true },
      ...{ hasResidentKey: true, hasUserVerification: true, isUserVerified: true },
    },
  });
  return {
    touch: async (enabled) => {
      await debug.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled });
    },
    remove: async () => {
      await debug.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId });
    },
  };
}

async function typePassword(page: Page): Promise<void> {
  await page.getByLabel('User name').fill(DOCTOR.login);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

async function signOut(page: Page, origin: string): Promise<void> {
  await page.goto(`${origin}/auth/sign-out`);
  await page.getByRole('button', { name: 'Sign out', exact: true }).click();
  await page.getByRole('link', { name: 'Sign in again' }).click();
}

/** What Chromium says of a page whose status is an error. */
const worse = (faults: string[]): string[] =>
  faults.filter((text) => !text.includes('status of 40'));

describe.runIf(can)(title, { timeout: 120_000 }, () => {
  let database: FreshDatabase;
  let hospital: Hospital;
  let origin: string;
  let person: Person;
  const newPerson = people();
  beforeAll(async () => {
    database = await freshDatabase();
    hospital = await startHospital({ DATABASE_URL: database.url, HOST: 'localhost' });
    ({ origin } = hospital.kiln);
  });
  beforeEach(async () => {
    person = await newPerson();
    return () => person.page.context().close();
  });
  afterAll(async () => {
    await hospital?.kiln.kill();
    await database?.drop();
  });

  test('are registered, asked for after the password, and sign in by themselves', async () => {
    const { page, faults, look, tabTo } = person;
    const key = await plugIn(page);
    await acceptInvitation(page, await hospital.invite(DOCTOR));
    await look('account-without-passkey');
    await page.getByRole('link', { name: 'Add a passkey' }).click();
    await look('passkey-new');
    await page.getByLabel('Name of the passkey').fill('');
    await page.getByRole('button', { name: 'Add a passkey' }).click();
    expect(await page.evaluate('document.activeElement.name')).toBe('name');
    await page.getByLabel('Name of the passkey').fill('Blue key');
    await page.getByRole('button', { name: 'Add a passkey' }).click();
    await page.getByRole('heading', { name: 'Your recovery codes' }).waitFor();
    const codes = await page.locator('.codes code').allTextContents();
    expect(codes).toHaveLength(10);
    await look('recovery-codes');
    await page.getByRole('link', { name: 'I have kept them, go on' }).click();
    expect(await page.getByRole('heading', { name: 'Blue key' }).count()).toBe(1);
    await page.locator('summary').first().click();
    await look('account-with-passkey');

    // Twice the same one: the browser itself says so.
    await page.getByRole('link', { name: 'Add a passkey' }).click();
    await page.getByRole('button', { name: 'Add a passkey' }).click();
    const said = page.getByRole('alert');
    await expect.poll(() => said.textContent()).toContain('registered already');
    await look('passkey-again');

    await signOut(page, origin);
    await look('sign-in-passkey');
    await key.touch(false);
    await typePassword(page);
    await page.getByRole('heading', { name: 'Second factor' }).waitFor();
    await look('second-factor');
    await key.touch(true);
    await page.reload();
    await tabTo('Use your passkey or security key');
    await page.keyboard.press('Enter');
    await page.waitForURL(`${origin}/auth/account`);

    await signOut(page, origin);
    await tabTo('Sign in with a passkey');
    await page.keyboard.press('Enter');
    // It asks at once, as nothing else can be done there.
    await page.waitForURL(`${origin}/auth/account`);
    expect(await page.locator('main').textContent()).toContain('with a passkey');
    expect(faults).toEqual([]);

    await signOut(page, origin);
    await key.remove();
    const other = await plugIn(page);
    await typePassword(page);
    // Not one of theirs: the browser refuses, and the recovery code is there.
    await expect.poll(() => said.textContent()).toContain('Nothing was done');
    await look('second-factor-refused');
    await page.getByLabel('Recovery code').fill('nothing like it');
    await page.getByRole('button', { name: 'Use the recovery code' }).click();
    await page.getByText('Please check').waitFor();
    await look('second-factor-wrong');
    await page.getByLabel('Recovery code').fill(codes[3] ?? '');
    await page.getByRole('button', { name: 'Use the recovery code' }).click();
    await page.waitForURL(`${origin}/auth/account`);
    expect(await page.locator('main').textContent()).toContain('9 of them can still be used.');
    await other.remove();
    expect(worse(faults)).toEqual([]);
  });

  test('say what is missing where script is switched off, and codes still work', async () => {
    const { page } = person;
    const user = { ...DOCTOR, login: 'lima', name: 'Eva Lima', fhirUser: 'Practitioner/lima' };
    await plugIn(page);
    await acceptInvitation(page, await hospital.invite(user));
    await page.goto(`${origin}/auth/account/passkeys/new`);
    await page.getByRole('button', { name: 'Add a passkey' }).click();
    await page.getByRole('heading', { name: 'Your recovery codes' }).waitFor();
    const [code = ''] = await page.locator('.codes code').allTextContents();

    const browser = page.context().browser();
    const context = await browser?.newContext({ javaScriptEnabled: false });
    const plain = await context?.newPage();
    if (!plain) throw new Error('no browser');
    await plain.goto(`${origin}/auth/sign-in`);
    await plain.getByLabel('User name').fill('lima');
    await plain.getByLabel('Password').fill(PASSWORD);
    await plain.getByRole('button', { name: 'Sign in', exact: true }).click();
    expect(await plain.locator('main').textContent()).toContain('Passkeys need JavaScript');
    expect(await plain.getByRole('button').allTextContents()).toEqual(['Use the recovery code']);
    await plain.getByLabel('Recovery code').fill(code);
    await plain.getByRole('button', { name: 'Use the recovery code' }).click();
    await plain.waitForURL(`${origin}/auth/account`);
    await context?.close();
  });
});
