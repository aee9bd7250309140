import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../helpers/postgres.ts';
import { type Kiln, startKiln } from '../reliability/kiln-process.ts';
import { needs, people } from './chromium.ts';
import { PASSWORD } from './hospital.ts';

/** First steps without any client: from the setup link to `curl` with a token of a new system. */

const run = promisify(execFile);
const curl = { name: 'curl', there: existsSync('/usr/bin/curl') };

const { can, title } = needs('systems and apps in a browser', curl);

describe.runIf(can)(title, { timeout: 120_000 }, () => {
  let database: FreshDatabase;
  let kiln: Kiln;
  const newPerson = people();
  beforeAll(async () => {
    database = await freshDatabase();
    kiln = await startKiln({ DATABASE_URL: database.url, KILN_AUTH: 'smart' });
  });
  afterAll(async () => {
    await kiln?.kill();
    await database?.drop();
  });

  test('lead an administrator from the setup link to data', async () => {
    const { page, faults, look, tabTo } = await newPerson();
    await page.goto(/https?:\S+\/auth\/setup\?\S+/.exec(kiln.said())?.[0] ?? '');
    await page.getByLabel('User name').fill('root');
    await page.getByLabel('Your name').fill('Rita Root');
    await page.getByLabel('New password', { exact: true }).fill(PASSWORD);
    await page.getByLabel('New password, once more').fill(PASSWORD);
    await page.getByRole('button', { name: 'Create the administrator' }).click();
    await page.getByRole('link', { name: 'Systems and apps' }).click();
    await look('systems-none');

    await page.getByRole('link', { name: 'New system' }).click();
    await look('system-new');
    await tabTo('Name');
    await page.keyboard.type('Laboratory');
    await tabTo('Read, change and delete everything');
    await page.keyboard.press('Space');
    await tabTo('Create the system');
    await page.keyboard.press('Enter');
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe(
      'Laboratory is registered',
    );
    await look('system-made');
    const [forToken = '', forData = ''] = ((await page.locator('pre').textContent()) ?? '').split(
      '\n\n',
    );
    const answer = JSON.parse((await run('sh', ['-c', forToken])).stdout) as {
      access_token: string;
    };
    const token = answer.access_token;
    const put = JSON.stringify({ resourceType: 'Patient', id: 'p1', active: true });
    const write = `-X PUT -H 'Content-Type: application/fhir+json' -d '${put}'`;
    const command = forData.replace('<access_token>', token);
    const made = await run('sh', ['-c', `${command.replace('/Patient', '/Patient/p1')} ${write}`]);
    expect(JSON.parse(made.stdout)).toMatchObject({ resourceType: 'Patient', id: 'p1' });
    const found = await run('sh', ['-c', command]);
    expect(JSON.parse(found.stdout)).toMatchObject({
      ...{ resourceType: 'Bundle', entry: [{ resource: { id: 'p1' } }] },
    });

    await page.getByRole('link', { name: 'All systems and apps' }).click();
    await page.getByRole('link', { name: 'Register an app' }).click();
    await look('app-new');
    await page.getByLabel('Name', { exact: true }).fill('Growth charts');
    await page.getByLabel('Where it is called back').fill('https://app.example/#back');
    await page.getByRole('button', { name: 'Register the app' }).click();
    await look('app-wrong');
    await page.getByRole('alert').getByRole('link').click();
    expect(await page.evaluate('document.activeElement.name')).toBe('redirect_uris');
    await page.getByLabel('Where it is called back').fill('https://app.example/back');
    await page.getByRole('button', { name: 'Register the app' }).click();
    await look('app-made');
    await page.getByRole('link', { name: 'All systems and apps' }).click();
    await look('systems-some');

    await page.getByRole('link', { name: 'Laboratory' }).click();
    await look('system');
    await page.getByRole('button', { name: 'Disable' }).click();
    expect(await page.locator('.note').textContent()).toContain('Disabled since');
    await look('system-disabled');
    const refused = await run('sh', ['-c', command]);
    expect(JSON.parse(refused.stdout)).toMatchObject({ issue: [{ code: 'login' }] });
    expect(faults.filter((text) => !text.includes('status of 40'))).toEqual([]);
  });
});
