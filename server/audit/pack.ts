import type { Agents } from './agents.ts';
import { type Event, keysOf, type RowValues, SINGLE, timeOf, typeNumber } from './rows.ts';
import { type AuditParts, type Detail, type Entry, KINDS, type Kind } from './types.ts';

/**
 * What is read and searched is much and alike: events of one process that happened within a second
 * stand in one row, found by all their keys. PostgreSQL spends a third on them of what rows of their
 * own would cost.
 */

/** In `audit.kind`: the row holds `ver` events, its `detail` is a `Packed` as JSON. */
export const PACK = 99;
/** From the first event of a pack to its last, at most; unix ms. */
export const SPAN_MS = 1000;
/** Fewer are rows of their own. */
const LEAST = 8;

const PACKABLE: ReadonlySet<Kind> = new Set(['read', 'vread', 'history', 'search', 'everything']);

/** Kinds as numbers are keys of a pack, too: row keys are never that small. */
export const kindKey = (kind: Kind): string => String(KINDS[kind]);

/** Whether packs may hold such an event. */
export const isPackable = ({ kind, outcome }: Pick<Entry, 'kind' | 'outcome'>): boolean =>
  outcome === 0 && PACKABLE.has(kind);

/** NUL as JSON has it: PostgreSQL could not read the events of such a pack (the view audit_event). */
const NUL = '\\u0000';

type Placed = Event & { seq: bigint };

const isPlaced = (event: Event): event is Placed => event.seq !== undefined;

interface Packed {
  /** Keys, decimal. */
  agents: string[];
  events: PackedEvent[];
}

/** seq behind that of the row, kind, place in `agents`, and what there is of the rest. */
type PackedEvent = [
  ...[seq: number, kind: number, agent: number, type?: number | null, id?: string | null],
  ...[version?: number | null, patients?: readonly string[] | null, request?: string | null],
  detail?: Detail | null,
];

/** The rows that the events come to: packs where there are enough, in the order of their time. */
export function packRows(
  events: readonly Event[],
  agents: Agents,
  parts: Pick<AuditParts, 'next' | 'key' | 'typeNumber'>,
): { packs: RowValues[]; singles: Event[] } {
  const singles: Event[] = [];
  const runs: Placed[][] = [];
  let run: Placed[] = [];
  for (const event of events) {
    if (event.alone || !isPlaced(event) || !isPackable(event.entry)) {
      singles.push(event);
      continue;
    }
    const [first] = run;
    if (!first || timeOf(event.seq) - timeOf(first.seq) > SPAN_MS) {
      run = [];
      runs.push(run);
    }
    run.push(event);
  }
  const packs: RowValues[] = [];
  for (const one of runs) {
    const pack = one.length < LEAST ? undefined : packOf(one, agents, parts);
    if (pack && !pack.detail?.includes(NUL)) packs.push(pack);
    else singles.push(...one);
  }
  return { packs, singles };
}

function packOf(
  run: readonly Placed[],
  agents: Agents,
  parts: Pick<AuditParts, 'key' | 'typeNumber'>,
): RowValues {
  const { seq } = run[0] as Placed;
  const places = new Map<string, number>();
  const keys = new Set<string>();
  const packed = run.map((event): PackedEvent => {
    const { kind, about, patients, request, detail } = event.entry;
    const all = keysOf(event.entry, agents, parts);
    for (const key of all) keys.add(key);
    keys.add(kindKey(kind));
    const agent = all[0] as string;
    const place = places.get(agent) ?? places.size;
    places.set(agent, place);
    const row: PackedEvent = [
      ...[Number(event.seq - seq), KINDS[kind], place, about && typeNumber(about.type, parts)],
      ...[about?.id, about?.version, patients, request, detail],
    ] as PackedEvent;
    while (row.at(-1) === undefined) row.pop();
    return row;
  });
  const body: Packed = { agents: [...places.keys()], events: packed };
  return {
    ...{ ...SINGLE, seq, version: run.length, kind: PACK, keys: [...keys] },
    detail: JSON.stringify(body),
  };
}

/** An event as rows and packs give it. */
export interface Found {
  at: number;
  seq: string;
  kind: number;
  outcome: number;
  type: number | null;
  version: number | null;
  id: string | null;
  /** Agent, what it is about, patients. */
  keys: readonly string[];
  request: string | null;
  detail: Detail | null;
  content: string | null;
}

/** The events of a pack, in the order of their time. */
export function unpack(
  { seq, detail }: { seq: string; detail: string },
  parts: Pick<AuditParts, 'key' | 'typeName'>,
): Found[] {
  const { agents, events } = JSON.parse(detail) as Packed;
  const first = BigInt(seq);
  return events.map(([behind, kind, agent, type, id, version, patients, request, told]) => {
    const own = first + BigInt(behind);
    const subject = id == null || type == null ? '0' : subjectOf(type, id, parts);
    return {
      ...{ at: timeOf(own), seq: String(own), kind, outcome: 0, content: null },
      ...{ type: type ?? null, version: version ?? null, id: id ?? null },
      keys: [agents[agent] ?? '0', subject, ...(patients ?? [])],
      ...{ request: request ?? null, detail: told ?? null },
    };
  });
}

const subjectOf = (
  type: number,
  id: string,
  { key, typeName }: Pick<AuditParts, 'key' | 'typeName'>,
): string => String(key(`${typeName(type)}/${id}`));
