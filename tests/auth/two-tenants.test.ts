import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { markOf, recordOf, type Side, shared } from '../cases/two-tenants.ts';
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
  'an app for some types': {
    ...{ roles: ['Superuser'], patient: OWN },
    scope: 'patient/Patient.rs patient/Observation.cruds patient/Encounter.s patient/List.r',
  },
};

const [theirs = []] = fc.sample(recordOf(OTHER), { seed: SEED, numRuns: 1 });
const [own = []] = fc.sample(recordOf(OWN), { seed: SEED + 1, numRuns: 1 });

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
  return { status, body: known === '' ? '' : ordered(JSON.parse(known)) };
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

describe('somebody of one side finds nothing of the other, and changes nothing there', () => {
  it.each(Object.entries(BEARERS))('%s', { timeout: 3_600_000 }, async (who, bearer) => {
    // Roles look into many relations: a tenth as many take as long.
    const shots = who.includes('clinician') ? SHOTS / 10 : SHOTS;
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
