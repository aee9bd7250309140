import { sqlList, sqlTexts } from '../db/db.ts';
import type { Agents } from './agents.ts';
import { type AuditParts, type Entry, KINDS } from './types.ts';

/** An event with its place in time. */
export interface Event {
  entry: Entry;
  /** Version key; undefined where the clock gave none yet. */
  seq: bigint | undefined;
  /** A row of its own: its place came late, or the database refused a row that it was in. */
  alone?: boolean;
}

/** A row of the table as it is written. */
export interface RowValues {
  seq: bigint;
  version: number | undefined;
  kind: number;
  outcome: number;
  type: number | undefined;
  id: string | undefined;
  /** Decimal. */
  keys: readonly string[];
  request: string | undefined;
  /** JSON. */
  detail: string | undefined;
}

/** What a row may do without. */
export const SINGLE = {
  ...{ version: undefined, outcome: 0, type: undefined, id: undefined },
  request: undefined,
} satisfies Partial<RowValues>;

const TIME_SHIFT = 20n;

/** Unix milliseconds of a version key. */
export const timeOf = (seq: bigint): number => Number(seq >> TIME_SHIFT);

/** The id of the AuditEvent of a row: 16 hexadecimal digits of its version key. */
export const idOf = (seq: string | bigint): string => BigInt(seq).toString(16).padStart(16, '0');

/** The row of one event. Its agent must have been written. */
export function rowOf(
  event: Event,
  agents: Agents,
  parts: Pick<AuditParts, 'next' | 'key' | 'typeNumber'>,
): RowValues {
  const { kind, outcome, about, request, detail } = event.entry;
  return {
    ...{ seq: seqOf(event, parts), version: about?.version, kind: KINDS[kind], outcome },
    ...{ type: about && typeNumber(about.type, parts), id: about?.id, request },
    keys: keysOf(event.entry, agents, parts),
    detail: detail && JSON.stringify(detail),
  };
}

/** The parameters of insert.sql, in order. */
export const insertValues = (rows: readonly RowValues[]): unknown[] => [
  sqlList(rows.map(({ seq }) => timeOf(seq))),
  sqlList(rows.map(({ seq }) => seq)),
  sqlList(rows.map(({ version }) => version)),
  sqlList(rows.map(({ kind }) => kind)),
  sqlList(rows.map(({ outcome }) => outcome)),
  sqlList(rows.map(({ type }) => type)),
  sqlTexts(rows.map(({ id }) => id)),
  sqlTexts(rows.map(({ keys }) => sqlList(keys))),
  sqlTexts(rows.map(({ request }) => request)),
  sqlTexts(rows.map(({ detail }) => detail)),
];

/** Fixed with the first attempt: what is written again must be the same row. */
function seqOf(event: Event, { next }: Pick<AuditParts, 'next'>): bigint {
  event.seq ??= next();
  return event.seq;
}

/** Refused requests may name a type that there is not. */
export function typeNumber(
  type: string,
  parts: Pick<AuditParts, 'typeNumber'>,
): number | undefined {
  try {
    return parts.typeNumber(type);
  } catch {
    return undefined;
  }
}

/** Agent, what it is about or 0, patients; decimal. */
export function keysOf(
  { agent, about, patients = [] }: Entry,
  agents: Agents,
  { key }: Pick<AuditParts, 'key'>,
): string[] {
  const subject = about?.id === undefined ? '0' : String(key(`${about.type}/${about.id}`));
  return [agents.known(agent).key, subject, ...patients];
}
