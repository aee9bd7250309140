import { loadSql } from '../db/db.ts';
import { FhirError } from '../fhir/error.ts';
import { parseJson } from '../fhir/json.ts';
import type { Resource } from '../fhir/types.ts';
import type { Actor, Transaction } from '../store/store.ts';
import { type Administrator, requireAdmin } from './admin.ts';
import { note } from './audit.ts';
import { endGlass, type Glass, glassOf } from './break-glass-store.ts';
import { completedTask } from './break-glass-task.ts';
import { flagIn, textIn } from './client-fields.ts';
import { queryOf } from './form.ts';
import { jsonOf } from './json-body.ts';
import { type AuthContext, type AuthRoute, answerJson } from './route.ts';
import { type AuthService, OAuthError } from './types.ts';

/** Who broke the glass, when and why: to be looked through, ended and reviewed. */

const LIST = loadSql(import.meta.url, 'break-glass-list.sql');
const REVIEW = loadSql(import.meta.url, 'break-glass-review.sql');

/** The privacy officer does this besides administrators. */
const REVIEWERS = ['Auditor'];

const PAGE = 100;
const LARGEST_PAGE = 1000;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

interface Entry extends Glass {
  ended: number | undefined;
  review: { at: number; by: string; outcome: string } | undefined;
  userName: string | undefined;
  fhirUser: string | undefined;
  clientName: string | undefined;
}

type Row = readonly [
  ...Parameters<typeof glassOf>[0],
  ...[ended: number | null, reviewedAt: number | null, by: string | null, outcome: string | null],
  ...[userName: string | null, fhirUser: string | null, clientName: string | null],
];

interface Asked {
  after?: string | undefined;
  reviewed?: boolean | undefined;
  count: number;
  id?: string;
}

async function entries(service: AuthService, asked: Asked): Promise<Entry[]> {
  const { after = null, reviewed = null, count, id = null } = asked;
  const rows = await service.db.tuples<Row>(LIST, [after, reviewed, count, id]);
  return rows.map((row) => {
    const [ended, at, by, outcome, userName, fhirUser, clientName] = row.slice(GLASS) as Tail;
    const review =
      at === null ? undefined : { at: at * 1000, by: by ?? '', outcome: outcome ?? '' };
    return {
      ...glassOf(row as never),
      ...{ ended: ended === null ? undefined : ended * 1000, review },
      ...{ userName: userName ?? undefined, fhirUser: fhirUser ?? undefined },
      clientName: clientName ?? undefined,
    };
  });
}

const GLASS = 8;
type Tail = [
  ...[number | null, number | null, string | null, string | null],
  ...[string | null, string | null, string | null],
];

/** GET /admin/break-glass?reviewed=false&after=&count=: the latest first. */
async function list(service: AuthService, context: AuthContext): Promise<Response> {
  await requireAdmin(service, context, REVIEWERS);
  const query = queryOf(context);
  const count = Number(query.get('count') ?? PAGE);
  if (!Number.isInteger(count) || count < 1 || count > LARGEST_PAGE) {
    throw fault(`count is not a number from 1 to ${LARGEST_PAGE}.`);
  }
  const after = query.get('after');
  if (after !== undefined && !UUID.test(after)) throw fault('after is not the id of a grant.');
  const wanted = query.get('reviewed');
  if (wanted !== undefined && wanted !== 'true' && wanted !== 'false') {
    throw fault('reviewed is true or false.');
  }
  const reviewed = wanted === undefined ? undefined : wanted === 'true';
  const all = await entries(service, { after, reviewed, count: count + 1 });
  const shown = all.slice(0, count);
  const next = all.length > count ? shown.at(-1)?.id : undefined;
  const now = service.now();
  return answerJson({
    breakGlass: shown.map((entry) => printed(entry, now)),
    ...(next !== undefined && { next }),
  });
}

const instant = (at: number): string => new Date(at).toISOString();

function printed(entry: Entry, now: number): object {
  const { id, userId, userName, fhirUser, clientId, clientName, patient, reason } = entry;
  const { began, until, ended, review } = entry;
  return {
    grant: id,
    user: { id: userId, name: userName, fhirUser },
    client: { id: clientId, name: clientName },
    ...{ patient: `Patient/${patient}`, reason, task: `Task/${id}` },
    ...{ began: instant(began), until: instant(ended ?? until) },
    active: ended === undefined && until > now,
    ...(review && { reviewed: { ...review, at: instant(review.at) } }),
  };
}

const fault = (text: string): OAuthError => new OAuthError('invalid_request', text);

async function entryOf(service: AuthService, context: AuthContext): Promise<Entry | undefined> {
  const id = context.req.param('grant') ?? '';
  if (!UUID.test(id)) return undefined;
  const [entry] = await entries(service, { count: 1, id });
  return entry;
}

/** POST /admin/break-glass/:grant/end: at once, in every process. */
async function end(service: AuthService, context: AuthContext): Promise<Response> {
  const { by } = await requireAdmin(service, context, REVIEWERS);
  const entry = await entryOf(service, context);
  if (!entry) return unknown();
  await endGlass(service, entry.id, { by, why: 'emergency access ended by who reviews it' });
  return new Response(null, { status: 204, headers: { 'Cache-Control': 'no-store' } });
}

/** POST /admin/break-glass/:grant/review with `outcome`: once, and by somebody else. */
async function review(service: AuthService, context: AuthContext): Promise<Response> {
  const reviewer = await requireAdmin(service, context, REVIEWERS);
  const body = await jsonOf(context);
  const outcome = textIn(body, 'outcome', 1000)?.trim();
  if (!outcome) throw fault('outcome is missing: what the review came to, in words.');
  const end = flagIn(body, 'end') ?? false;
  const entry = await entryOf(service, context);
  if (!entry) return unknown();
  if (reviewer.user?.id === entry.userId) {
    return refusal('Nobody reviews their own emergency access.');
  }
  const done = await complete(service, entry, { reviewer, outcome });
  if (!done) return refusal('It was reviewed already.');
  const { by } = reviewer;
  if (end) await endGlass(service, entry.id, { by, why: 'emergency access ended by its review' });
  const [now] = await entries(service, { count: 1, id: entry.id });
  return now ? answerJson(printed(now, service.now())) : unknown();
}

interface Outcome {
  reviewer: Administrator;
  outcome: string;
}

/** So often the Task may be changed by others meanwhile. */
const ATTEMPTS = 5;

/** The row, the Task and the event in one transaction; false where it was reviewed before. */
async function complete(service: AuthService, entry: Entry, given: Outcome): Promise<boolean> {
  const actor: Actor = { kind: 'system', name: 'auth', trail: { agent: given.reviewer.by.agent } };
  const mark = (tx: Transaction): Promise<void> => markReviewed(service, entry, { ...given, tx });
  try {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const task = await taskOf(service, entry);
      if (!task) {
        await service.db.transaction((tx) => mark({ query: tx.tuples }));
        return true;
      }
      const { resource, version } = task;
      const changed = completedTask(resource, given.outcome, service.now());
      const change = { method: 'update' as const, type: 'Task', id: entry.id, resource: changed };
      try {
        await service.store.commit(actor, [{ ...change, ifMatch: [version] }], { within: mark });
        return true;
      } catch (error) {
        if (!(error instanceof FhirError) || attempt === ATTEMPTS) throw error;
      }
    }
    return false;
  } catch (error) {
    if (error instanceof AlreadyReviewed) return false;
    throw error;
  }
}

class AlreadyReviewed extends Error {}

async function markReviewed(
  service: AuthService,
  entry: Entry,
  { reviewer, outcome, tx }: Outcome & { tx: Transaction },
): Promise<void> {
  const { user, client, by } = reviewer;
  const values = [entry.id, service.now() / 1000, user?.id ?? client.id, outcome];
  if ((await tx.query(REVIEW, values)).length === 0) throw new AlreadyReviewed();
  const pairs = { grant: entry.id, user: entry.userId, outcome };
  const event = { by, text: 'emergency access reviewed', patient: entry.patient, pairs };
  await note(service, 'breakGlass', event, (statement, v) => tx.query(statement, v));
}

/** Its Task, unless somebody deleted that. */
async function taskOf(
  { store }: AuthService,
  { id }: Entry,
): Promise<{ resource: Resource; version: string } | undefined> {
  try {
    const { content, version } = await store.read({ kind: 'system', name: 'auth' }, 'Task', id);
    return { resource: parseJson(content) as Resource, version: String(version) };
  } catch (error) {
    if (error instanceof FhirError) return undefined;
    throw error;
  }
}

const unknown = (): Response => {
  const error_description = 'Nobody broke the glass under a grant with this id.';
  return answerJson({ error: 'not_found', error_description }, { status: 404 });
};

const refusal = (error_description: string): Response =>
  answerJson({ error: 'conflict', error_description }, { status: 409 });

export const routes: readonly AuthRoute[] = [
  { method: 'GET', path: '/admin/break-glass', handler: list },
  { method: 'POST', path: '/admin/break-glass/:grant/end', handler: end },
  { method: 'POST', path: '/admin/break-glass/:grant/review', handler: review },
];
