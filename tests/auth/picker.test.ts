import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { routes as authorizeRoutes } from '../../server/auth/authorize.ts';
import { redeemCode } from '../../server/auth/codes.ts';
import { createLaunch } from '../../server/auth/launch.ts';
import { routes as pickerRoutes } from '../../server/auth/picker.ts';
import { saveRole } from '../../server/auth/role-store.ts';
import type { Grant, LaunchContext } from '../../server/auth/types.ts';
import type { Resource } from '../../server/fhir/types.ts';
import { newClient, newUser, type OpenAuth, openAuth, type TestAuth } from '../helpers/auth.ts';
import { type Browser, openBrowser, type Visit } from '../helpers/browser.ts';
import { follow, formsOf, press, wordsOf } from '../helpers/forms.ts';
import { authorize, cameBack, signInAs, signInProbe } from '../helpers/smart.ts';
import { actor, put } from '../helpers/store.ts';

let auth: OpenAuth;
let service: TestAuth;
let browser: Browser;

const patient = (id: string, given: string, more: object = {}): Resource & { id: string } => ({
  ...{ resourceType: 'Patient', id, gender: 'female', birthDate: '1990-02-03' },
  ...{ name: [{ given: [given], family: 'Moss' }], identifier: [{ value: `MRN-${id}` }] },
  ...more,
});
const encounter = (id: string, of: string, start: string): Resource & { id: string } => ({
  ...{
    resourceType: 'Encounter',
    id,
    status: 'finished',
    class: { code: 'AMB', display: 'visit' },
  },
  ...{ subject: { reference: `Patient/${of}` }, period: { start } },
  type: [{ text: `Visit ${id}` }],
});

beforeAll(async () => {
  auth = await openAuth([authorizeRoutes, pickerRoutes, [signInProbe]]);
  ({ service } = auth);
  const resources = [
    patient('p1', 'Anna'),
    patient('p2', 'Berta', { birthDate: '2001-12-31' }),
    patient('p3', 'Carl', { gender: 'male' }),
    patient('p4', 'Dora', { link: [{ type: 'replaced-by', other: { reference: 'Patient/p1' } }] }),
    patient('p5', '<b>Eve</b>', { name: [{ text: '<b>Eve</b> & "Co"' }] }),
    encounter('e1', 'p1', '2026-01-01T10:00:00Z'),
    encounter('e2', 'p1', '2026-02-01T10:00:00Z'),
    encounter('e3', 'p2', '2026-03-01T10:00:00Z'),
  ];
  await service.store.commit(actor, resources.map(put));
  const all = { types: ['*'], interactions: 'cruds' };
  const women = [
    { types: ['Patient'], interactions: 'rs', criteria: 'gender=female' },
    { types: ['Encounter'], interactions: 'rs', criteria: 'patient.gender=female' },
  ];
  await saveRole(service, { name: 'All', title: 'All', rules: [all], shipped: false });
  await saveRole(service, { name: 'Women', title: 'Women', rules: women, shipped: false });
  await saveRole(service, {
    ...{ name: 'Nameless', title: 'Nameless', shipped: false },
    rules: [{ ...all, hidden: ['name', 'identifier.value'] }],
  });
  const scopes = 'launch launch/patient launch/encounter patient/*.rs';
  await newClient(service, { id: 'app', scopes, settings: { trusted: true } });
  await newClient(service, { id: 'asking', scopes });
  await newUser(service, { id: 'ada', roles: ['Women'] });
  await newUser(service, { id: 'bob', roles: ['All'] });
  await newUser(service, { id: 'none', roles: [] });
  await newUser(service, { id: 'keeper', roles: ['Nameless'] });
});
afterAll(() => auth.stop());
beforeEach(async () => {
  browser = openBrowser(auth.origin);
  service.pass(120);
});

const PATIENT = 'launch/patient patient/*.rs';
/** The picker as the user gets to see it. */
async function pickerOf(user: string, changes: Record<string, string> = {}): Promise<Visit> {
  await signInAs(browser, user);
  return follow(browser, await authorize(service, browser, { scope: PATIENT, ...changes }));
}
/** Labels of what can be picked. */
const choices = (visit: Visit, name = 'patient'): string[] =>
  formsOf(visit).flatMap(({ buttons }) =>
    buttons.filter((button) => button.name === name).map(({ label }) => label),
  );
const grantOf = async (visit: Visit): Promise<Grant | undefined> =>
  (await redeemCode(service, cameBack(visit)?.['code'] ?? ''))?.grant;
const contextOf = async (visit: Visit): Promise<LaunchContext | undefined> =>
  (await grantOf(visit))?.context;
const ids = (visit: Visit, name = 'patient'): string[] =>
  formsOf(visit).flatMap(({ buttons }) =>
    buttons.filter((button) => button.name === name).map(({ value }) => value),
  );

describe('pick-patient', () => {
  it('offers those that the user may see, and none that was merged', async () => {
    expect(ids(await pickerOf('ada')).sort()).toEqual(['p1', 'p2', 'p5']);
    expect(ids(await pickerOf('bob')).sort()).toEqual(['p1', 'p2', 'p3', 'p5']);
    const nobody = await pickerOf('none');
    expect(ids(nobody)).toEqual([]);
    expect(wordsOf(nobody.text)).toContain('There is no patient whose record you may see.');
  });

  it('tells patients of one name apart, and escapes what they are called', async () => {
    const visit = await pickerOf('ada');
    expect(choices(visit)).toContain('Anna Moss born 1990-02-03, female, MRN-p1');
    expect(visit.text).not.toContain('<b>');
    expect(choices(visit).join()).toContain('<b>Eve</b> & "Co"');
  });

  it('shows nothing that a role hides', async () => {
    const { text } = await pickerOf('keeper');
    expect(text).toContain('1990-02-03');
    expect(text).not.toMatch(/Anna|Moss|MRN/);
  });

  it.each([
    ['berta', ['p2']],
    ['mos ber', ['p2']],
    ['2001-12-31', ['p2']],
    ['moss 1990', ['p1']],
    ['MRN-p1', ['p1']],
    ['Carl', []],
    ['nobody', []],
    ['a,b$c|d\\', []],
    ['%_(', []],
  ])('finds by %j what the user may see', async (q, expected) => {
    const visit = await press(browser, await pickerOf('ada'), { press: 'Search', fill: { q } });
    expect([visit.status, ids(visit)]).toEqual([200, expected]);
    expect(formsOf(visit)[0]?.fields['q']).toBe(q);
  });

  it('gives the app the patient picked', async () => {
    const picked = await press(browser, await pickerOf('ada'), { press: 'Berta' });
    const context = await contextOf(await follow(browser, picked));
    expect(context).toEqual({ patient: 'p2', needPatientBanner: true });
  });

  it.each(['p3', 'p4', 'p99', '../p1', 'p1,p2', ''])('refuses %j, sent by hand', async (id) => {
    const [form] = formsOf(await pickerOf('ada')).slice(1);
    const sent = { handle: form?.fields['handle'] ?? '', patient: id };
    const { status, to, text } = await browser.post('/auth/pick-patient', sent);
    expect(to).toBeUndefined();
    if (id !== '')
      expect([status, wordsOf(text)]).toEqual([400, expect.stringContaining('no such')]);
  });

  it('tells the app where the user cancels, once', async () => {
    const page = await pickerOf('ada');
    const back = await press(browser, page, { press: 'Cancel' });
    expect(cameBack(back)).toMatchObject({ error: 'access_denied', state: 's' });
    expect((await press(browser, page, { press: 'Cancel' })).status).toBe(400);
  });

  it('keeps what was picked in two tabs apart', async () => {
    const one = await pickerOf('bob');
    const two = await follow(browser, await authorize(service, browser, { scope: PATIENT }));
    const a = await press(browser, one, { press: 'Anna' });
    const b = await press(browser, two, { press: 'Berta' });
    expect((await contextOf(await follow(browser, b)))?.patient).toBe('p2');
    expect((await contextOf(await follow(browser, a)))?.patient).toBe('p1');
  });

  it('forgets what one user picked when another signs in', async () => {
    const first = await pickerOf('bob', { client_id: 'asking' });
    await press(browser, first, { press: 'Carl' });
    await signInAs(browser, 'ada');
    const handle = formsOf(first)[0]?.fields['handle'] ?? '';
    const again = await browser.get(`/auth/authorize?handle=${handle}`);
    expect(again.to).toBe(`/auth/pick-patient?handle=${handle}`);
  });

  it('does not take a form that another user signed in behind', async () => {
    const page = await pickerOf('bob');
    await signInAs(browser, 'ada');
    const sent = await press(browser, page, { press: 'Carl' });
    expect(sent.to).toMatch(/^\/auth\/authorize\?handle=/);
    expect((await browser.get(sent.to ?? '')).to).toMatch(/^\/auth\/pick-patient/);
  });

  it('takes forms of its own pages and browser only', async () => {
    const page = await pickerOf('ada');
    const handle = formsOf(page)[0]?.fields['handle'] ?? '';
    const fields = { handle, patient: 'p1' };
    const foreign = { origin: 'https://evil.example' };
    expect((await browser.post('/auth/pick-patient', fields, foreign)).status).toBe(403);
    const thief = openBrowser(auth.origin);
    await signInAs(thief, 'ada');
    expect((await thief.post('/auth/pick-patient', fields)).status).toBe(400);
    expect((await thief.get(`/auth/pick-patient?handle=${handle}`)).status).toBe(400);
  });

  it('leaves the patient of an EHR launch alone', async () => {
    const sessionId = await signInAs(browser, 'ada');
    const context = { patient: 'p1' };
    const launch = await createLaunch(service, { clientId: 'asking', sessionId, context });
    const changes = { client_id: 'asking', scope: `launch ${PATIENT}`, launch };
    const asked = await authorize(service, browser, changes);
    const handle = new URL(asked.to ?? '', auth.origin).searchParams.get('handle') ?? '';
    expect(asked.to).toMatch(/^\/auth\/consent/);
    const get = await browser.get(`/auth/pick-patient?handle=${handle}`);
    const post = await browser.post('/auth/pick-patient', { handle, patient: 'p2' });
    expect([get.to, post.to]).toEqual(Array(2).fill(`/auth/authorize?handle=${handle}`));
    const [row] = await service.db.tuples<[unknown]>({
      text: "select step->'context'->>'patient' from auth_request order by expires_at desc limit 1",
    });
    expect(row?.[0]).toBe('p1');
  });

  it('picks for an EHR launch without a patient, and keeps the rest of its context', async () => {
    const sessionId = await signInAs(browser, 'ada');
    const context = { intent: 'order' };
    const launch = await createLaunch(service, { clientId: 'app', sessionId, context });
    const page = await follow(
      browser,
      await authorize(service, browser, { scope: `launch ${PATIENT}`, launch }),
    );
    const done = await follow(browser, await press(browser, page, { press: 'Anna' }));
    expect(await contextOf(done)).toMatchObject({ patient: 'p1', intent: 'order' });
  });
});

describe('pick-encounter', () => {
  const ENCOUNTER = 'launch/encounter patient/*.rs';
  const pickerOfEncounters = async (user: string, name: string): Promise<Visit> => {
    const page = await pickerOf(user, { scope: ENCOUNTER });
    return follow(browser, await press(browser, page, { press: name }));
  };

  it('offers encounters of the patient, the latest first', async () => {
    const page = await pickerOfEncounters('ada', 'Anna');
    expect(choices(page, 'encounter')).toEqual([
      'Visit e2 2026-02-01 10:00, finished',
      'Visit e1 2026-01-01 10:00, finished',
    ]);
    expect(wordsOf(page.text)).toContain('of Anna Moss');
  });

  it('gives the app the encounter and its patient', async () => {
    const page = await pickerOfEncounters('ada', 'Anna');
    const done = await follow(browser, await press(browser, page, { press: 'Visit e1' }));
    const grant = await grantOf(done);
    expect(grant?.context).toEqual({ patient: 'p1', encounter: 'e1', needPatientBanner: true });
    expect(grant?.scope).toBe(ENCOUNTER);
  });

  it.each(['e3', 'e9', 'p1'])('refuses %s, which is none of the patient', async (id) => {
    const page = await pickerOfEncounters('ada', 'Anna');
    const handle = formsOf(page)[0]?.fields['handle'] ?? '';
    const sent = await browser.post('/auth/pick-encounter', { handle, encounter: id });
    expect([sent.status, ids(sent, 'encounter')]).toEqual([200, ['e2', 'e1']]);
  });

  it('goes on without an encounter, and then without its scope', async () => {
    const page = await pickerOfEncounters('ada', '<b>Eve');
    expect(choices(page, 'encounter')).toEqual([]);
    const done = await follow(browser, await press(browser, page, { press: 'Go on without' }));
    const grant = await grantOf(done);
    expect(grant?.context).toEqual({ patient: 'p5', needPatientBanner: true });
    expect(grant?.scope).toBe('patient/*.rs');
  });

  it('tells the app where the user cancels', async () => {
    const page = await pickerOfEncounters('ada', 'Anna');
    expect(cameBack(await press(browser, page, { press: 'Cancel' }))).toMatchObject({
      error: 'access_denied',
    });
  });
});
