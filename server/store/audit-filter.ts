import {
  type Audit,
  type AuditFilter,
  type AuditRow,
  KINDS,
  type Kind,
  type Outcome,
} from '../audit/audit.ts';
import { loadSql } from '../db/db.ts';
import type { DateValue, Term } from '../fhir/query.ts';
import { type Content, contentOf, fits, type Looks } from './access-fits.ts';
import { toAuditEvent } from './audit-event.ts';
import { settingsOf } from './audit-read.ts';
import { AUDIT_EVENT } from './audit-refused.ts';
import { vidFloor } from './clock.ts';
import type { Context } from './context.ts';

/**
 * Which rows of the journal a search has to look at: all that may fit are among them. What is looked
 * at is judged by content afterwards, so that a term that says nothing here is only slow.
 */

const spanSql = loadSql(import.meta.url, 'audit-foreign-span.sql');

export type Superset = Pick<AuditFilter, 'since' | 'until' | 'keys' | 'kinds' | 'outcomes'>;

/** What the scan of the journal looks at. */
const LISTS = 3;

export async function supersetOf(
  { context, audit }: { context: Context; audit: Audit },
  where: readonly Term[],
): Promise<Superset> {
  const terms = where.flatMap(conjuncts);
  const lists = await Promise.all(terms.map((term) => keysOf({ context, audit }, term)));
  const keys = lists.filter((list) => list !== undefined).slice(0, LISTS);
  const spans = await Promise.all(terms.map((term) => spanOf(context, term)));
  const since = Math.max(...spans.map(({ lo }) => lo), FIRST);
  const until = Math.min(...spans.map(({ hi }) => hi), LAST);
  return {
    ...(since > FIRST && { since }),
    ...(until < LAST && { until }),
    ...(keys.length > 0 && { keys }),
    ...(await kindsOf(context, terms)),
  };
}

/** All of what is joined by AND, the limit of an actor's access among it. */
function conjuncts(term: Term): Term[] {
  if (term.kind === 'all') return term.terms.flatMap(conjuncts);
  if (term.kind !== 'typed') return [term];
  const own = term.of.filter(({ types }) => types.includes(AUDIT_EVENT));
  const [only] = own;
  return own.length === 1 && only?.term ? conjuncts(only.term) : [];
}

/** Parameters whose targets stand in `keys`, and of which an agent may be the target. */
const REFERRING: Readonly<Record<string, { byAgent: boolean }>> = {
  'AuditEvent.patient': { byAgent: true },
  'AuditEvent.agent': { byAgent: true },
  'AuditEvent.entity': { byAgent: false },
  'AuditEvent.source': { byAgent: false },
};

async function keysOf(
  { context, audit }: { context: Context; audit: Audit },
  term: Term,
): Promise<string[] | undefined> {
  if (term.kind !== 'references') return undefined;
  const referring = REFERRING[term.key];
  if (!referring) return undefined;
  const targets = term.targets.map((target) => String(context.hasher.target(target)));
  return referring.byAgent ? [...targets, ...(await audit.agentsOf(term.targets))] : targets;
}

interface Span {
  lo: number;
  hi: number;
}

/** Ends of the times that there are. */
const FIRST = -8.64e15;
const LAST = 8.64e15;
const ALWAYS: Span = { lo: FIRST, hi: LAST };

/** An instant to the second ends so much later than it begins; `at` is where it begins. */
const SECOND = 1000;

async function spanOf(context: Context, term: Term): Promise<Span> {
  if (term.kind === 'date' && term.keys.includes('AuditEvent.date')) {
    const { lo, hi } = hull(term.values);
    return { lo: Math.max(lo - SECOND, FIRST), hi };
  }
  return term.kind === 'lastUpdated' ? spanOfStored(context, hull(term.values)) : ALWAYS;
}

/** What others sent may have happened long before it was stored. */
async function spanOfStored({ db }: Context, stored: Span): Promise<Span> {
  const { lo, hi } = stored;
  if (lo === FIRST && hi === LAST) return ALWAYS;
  const [row] = await db.tuples(spanSql, [String(vidFloor(lo)), String(vidFloor(hi + 1))]);
  const [earliest, latest] = row ?? [];
  if (typeof earliest !== 'string' || typeof latest !== 'string') return stored;
  return { lo: Math.min(lo, Number(earliest)), hi: Math.max(hi, Number(latest)) };
}

/** From where to where a period that fits one of them may begin. */
function hull(values: readonly DateValue[]): Span {
  const spans = values.map(beginning);
  return {
    lo: Math.min(...spans.map(({ lo }) => lo)),
    hi: Math.max(...spans.map(({ hi }) => hi)),
  };
}

function beginning({ prefix, lo, hi }: DateValue): Span {
  switch (prefix) {
    case 'eq':
    case 'ap':
      return { lo, hi };
    case 'ge':
      return { lo, hi: LAST };
    case 'gt':
    case 'sa':
      return { lo: hi, hi: LAST };
    case 'lt':
    case 'eb':
      return { lo: FIRST, hi: lo };
    case 'le':
      return { lo: FIRST, hi };
    case 'ne':
      return ALWAYS;
  }
}

/** Parameters that the kind and the outcome of a row decide. */
const DECIDED = /^AuditEvent\.(?:type|subtype|action|outcome)(?![A-Za-z0-9_-])/;
const DECIDED_CODES = ['type', 'subtype', 'action', 'outcome'];
const OUTCOME = /^AuditEvent\.outcome(?![A-Za-z0-9_-])/;

/** Whether all that the term looks at is so named. */
function looksAt(term: Term, names: RegExp, codes: readonly string[]): boolean {
  switch (term.kind) {
    case 'words':
      return term.words.every((word) => names.test(word));
    case 'texts':
      return term.keys.every((key) => names.test(key));
    case 'present':
      return term.codes.every((code) => codes.includes(code));
    case 'any':
    case 'all':
      return term.terms.every((one) => looksAt(one, names, codes));
    case 'not':
      return looksAt(term.term, names, codes);
    case 'hashed':
      return term.of !== undefined && looksAt(term.of, names, codes);
    default:
      return false;
  }
}

const OUTCOMES: readonly Outcome[] = [0, 4, 8, 12];

/** An AuditEvent that shows what all rows of a kind and outcome have in common. */
interface Skeleton {
  kind: Exclude<Kind, 'foreign'>;
  outcome: Outcome;
  content: Content;
}

const made = new WeakMap<Context, readonly Skeleton[]>();

function skeletonsOf(context: Context): readonly Skeleton[] {
  const known = made.get(context) ?? skeletons(context);
  made.set(context, known);
  return known;
}

/** The subtype of some kinds tells how much was named of what it was done to. */
const ABOUT: readonly AuditRow['about'][] = [
  undefined,
  { type: 'Patient' },
  { type: 'Patient', id: '1' },
];

function skeletons(context: Context): Skeleton[] {
  const kinds = (Object.keys(KINDS) as Kind[]).filter((kind) => kind !== 'foreign');
  return kinds.flatMap((kind) =>
    OUTCOMES.flatMap((outcome) =>
      ABOUT.map((about) => {
        const row: AuditRow = {
          ...{ at: 0, seq: '0', kind, outcome, agent: { kind: 'anonymous' }, patients: [] },
          ...(about && { about }),
        };
        const resource = toAuditEvent(row, settingsOf(context));
        return { kind, outcome, content: contentOf(context, resource) };
      }),
    ),
  );
}

async function kindsOf(
  context: Context,
  terms: readonly Term[],
): Promise<Pick<Superset, 'kinds' | 'outcomes'>> {
  const decided = terms.filter((term) => looksAt(term, DECIDED, DECIDED_CODES));
  if (decided.length === 0) return {};
  const looks: Looks = { context, run: context.db.steady };
  const all = skeletonsOf(context);
  const kinds = new Set<Kind>();
  for (const { kind, content } of all) {
    const verdict = await fits(looks, content, { kind: 'all', terms: decided });
    if (verdict !== false) kinds.add(kind);
  }
  const outcomes = await outcomesOf(looks, decided, all);
  const few = kinds.size < Object.keys(KINDS).length - 1;
  return {
    // Others may write what they like.
    ...(few && { kinds: ['foreign', ...kinds] }),
    ...(outcomes && { outcomes }),
  };
}

/** Undefined where what has no outcome may fit: it stands under 0. */
async function outcomesOf(
  looks: Looks,
  decided: readonly Term[],
  [one, ...others]: readonly Skeleton[],
): Promise<Outcome[] | undefined> {
  const terms = decided.filter((term) => looksAt(term, OUTCOME, ['outcome']));
  if (terms.length === 0 || !one) return undefined;
  const { outcome: _, ...none } = one.content.resource;
  const bare = contentOf(looks.context, { ...none, resourceType: AUDIT_EVENT });
  if ((await fits(looks, bare, { kind: 'all', terms })) !== false) return undefined;
  const found = new Set<Outcome>();
  for (const { outcome, content } of [one, ...others]) {
    if (found.has(outcome)) continue;
    if ((await fits(looks, content, { kind: 'all', terms })) !== false) found.add(outcome);
  }
  return [...found];
}
