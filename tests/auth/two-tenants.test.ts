import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { markOf, ofOneSide, recordOf, type Side, shared } from '../cases/two-tenants.ts';
import { type Request, requestsOf } from '../cases/two-tenants-requests.ts';
import { type Answer, type Ask, itemsOf, type Json } from '../helpers/http.ts';
import { type Bearer, type Secured, startSecured } from '../helpers/secured.ts';
import { actor } from '../helpers/store.ts';

/**
 * Two patients and two branches on one server, and one of them alone on another: whatever somebody of
 * that side asks, no byte of an answer may be of the other side, and both servers must answer alike.
 */

/** Requests of each caller. A failure names its seed. */
const SHOTS = process.env['KILN_TEST_LONG'] ? 20_000 : 400;
const SEED = Number(process.env['KILN_FUZZ_SEED'] ?? 1);

let both: Secured;
let alone: Secured;

const OWN: Side = 'a';
const OTHER: Side = 'b';

const BEARERS: Record<string, Bearer> = {
  'the app of a patient': { roles: ['Superuser'], scope: 'patient/*.cruds', patient: OWN },
  'the portal of a patient': {
    ...{ roles: ['Patient'], fhirUser: `Patient/${OWN}`, scope: 'patient/*.cruds', patient: OWN },
  },
  'a clinician of one branch': {
    ...{ roles: ['Clinician'], fhirUser: `Practitioner/doctor-${OWN}`, scope: 'user/*.cruds' },
    branches: [`branch-${OWN}`],
  },
  'a nurse of one ward': {
    ...{ roles: ['Nurse'], fhirUser: `Practitioner/nurse-${OWN}`, scope: 'user/*.cruds' },
    branches: [`branch-${OWN}`],
  },
  // Not the roles that see all that happened in encounters of the branch: some of it is about others.
  'a front desk of one branch': {
    ...{ systemRoles: ['FrontDesk', 'Cashier'], scope: 'system/*.cruds' },
    ...{ fhirUser: `Organization/branch-${OWN}`, branches: [`branch-${OWN}`] },
  },
  'an app for some types': {
    ...{ roles: ['Superuser'], patient: OWN },
    scope: 'patient/Patient.rs patient/Observation.cruds patient/Encounter.s patient/List.r',
  },
};

const [theirs = []] = fc.sample(recordOf(OTHER), { seed: SEED, numRuns: 1 });
const [own = []] = fc.sample(
  recordOf(OWN).map((all) => all.map(ofOneSide)),
  {
    ...{ seed: SEED + 1, numRuns: 1 },
  },
);

beforeAll(async () => {
  [both, alone] = await Promise.all([startSecured(), startSecured()]);
  await both.seed([...shared, ...theirs]);
  await alone.seed(shared);
  for (const server of [both, alone]) await server.seed(own);
});
afterAll(() => Promise.all([both.stop(), alone.stop()]));

/** An answer without what differs between any two servers and times. */
function plain({ status, text }: Answer, base: string): unknown {
  const known = text
    .replaceAll(base, 'BASE')
    .replaceAll(/_cursor=[\w%-]+/g, '_cursor=C')
    .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID')
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, 'T');
  return { status, body: known.startsWith('{') ? ordered(JSON.parse(known)) : known };
}

/** What is included comes in no order. */
function ordered(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(ordered);
    const isIncluded = (one: unknown): boolean =>
      (one as Json | null)?.['search']?.['mode']?.toString() === 'include';
    const included = items.filter(isIncluded).map((one) => JSON.stringify(one));
    return [...items.filter((one) => !isIncluded(one)), ...included.sort()];
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, ordered(one)]));
}

/** What roles hang on is looked up every few seconds, whatever is asked for. */
const LOOKED_UP = /^select s\.rk, s\.seq from search s where/;

/** What is asked of the tables of resources for a request. */
async function statementsOf({ server, token }: Session, { url, ...options }: Request) {
  const from = server.statements.length;
  const { status } = await server.as(token, url, options as Ask);
  const asked = server.statements.slice(from);
  const rows = asked.filter((text) => /\bfrom (?:resource|history|search)\b/.test(text));
  return [status, ...rows.filter((text) => !LOOKED_UP.test(text))];
}

/** Requests by name, as somebody who tries ids would send them. */
const tryouts = (name: string): Request[] => {
  const [type = ''] = name.split('/');
  const [method, ifMatch] = ['GET', { 'If-Match': 'W/"1"' }];
  return [
    ...['', '/_history', '/_history/1'].map((behind) => ({ method, url: name + behind })),
    { method, url: name, headers: { 'If-None-Match': 'W/"1"' } },
    { method, url: `${type}?_id=${name.slice(type.length + 1)}&_total=accurate` },
    { method: 'HEAD', url: name },
    { method: 'DELETE', url: name, headers: ifMatch },
    {
      method: 'PATCH',
      url: name,
      body: '[]',
      headers: { 'Content-Type': 'application/json-patch+json' },
    },
    ...(type === 'Patient' || type === 'Encounter'
      ? [
          { method, url: `${name}/$everything` },
          { method, url: `${name}/Observation` },
        ]
      : []),
  ];
};

const everyByte = ({ text, headers }: Answer): string => `${text}\n${[...headers].join('\n')}`;

/** Pages after the first that are looked at. */
const PAGES = 4;

interface Session {
  server: Secured;
  token: string;
}

/** The answers to a request, with the pages that follow. */
async function answersTo({ server, token }: Session, request: Request): Promise<Answer[]> {
  const { url, ...options } = request;
  const answers = [await server.as(token, url, options as Ask)];
  for (let page = 0; page < PAGES; page++) {
    const links = itemsOf(answers.at(-1)?.json['link']);
    const next = links.find((one) => String(one['relation']) === 'next');
    if (!next || typeof next !== 'object') break;
    answers.push(await server.as(token, String(next['url'])));
  }
  return answers;
}

async function theirsNow(): Promise<string[]> {
  const read = theirs.map(({ resourceType, id }) => both.store.read(actor, resourceType, id));
  return (await Promise.all(read)).map(({ content }) => content);
}

describe('what is hidden costs what is absent costs', () => {
  it.each(Object.entries(BEARERS))('%s', { timeout: 600_000 }, async (_who, bearer) => {
    const session: Session = { server: both, token: await both.tokenFor(bearer) };
    for (const round of [1, 2]) {
      for (const { resourceType, id } of theirs) {
        const hidden = tryouts(`${resourceType}/${id}`);
        const absent = tryouts(`${resourceType}/absent`);
        for (const [i, request] of hidden.entries()) {
          const one = await statementsOf(session, request);
          const other = await statementsOf(session, absent[i] as Request);
          // What is looked up first is remembered, by whoever comes first.
          if (round === 2) expect(one, JSON.stringify(request)).toEqual(other);
        }
      }
    }
  });
});

describe('somebody of one side finds nothing of the other, and changes nothing there', () => {
  it.each(Object.entries(BEARERS))('%s', { timeout: 3_600_000 }, async (who, bearer) => {
    // Roles look into many relations: a tenth as many take as long.
    const shots = /of one (?:branch|ward)/.test(who) ? SHOTS / 10 : SHOTS;
    const requests = fc.sample(requestsOf(OWN), { seed: SEED, numRuns: shots });
    const before = await theirsNow();
    const [one, other] = await Promise.all(
      [both, alone].map(async (server) => ({ server, token: await server.tokenFor(bearer) })),
    );
    const statuses = new Map<number, number>();
    for (const [shot, request] of requests.entries()) {
      const [answers, lonely] = await Promise.all([
        answersTo(one as Session, request),
        answersTo(other as Session, request),
      ]);
      const what = `seed ${SEED}, shot ${shot}: ${JSON.stringify(request)}`;
      for (const answer of answers) {
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        expect(everyByte(answer), what).not.toMatch(markOf(OTHER));
        expect(answer.status, what).toBeLessThan(500);
      }
      expect(
        answers.map((answer) => plain(answer, both.base)),
        what,
      ).toEqual(lonely.map((answer) => plain(answer, alone.base)));
    }
    expect(await theirsNow()).toEqual(before);
    // The requests are no nonsense.
    expect(statuses.get(200)).toBeGreaterThan(shots / 20);
  });
});
