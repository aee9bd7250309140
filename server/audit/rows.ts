import type { Agents } from './agents.ts';
import { type AuditParts, type Entry, KINDS } from './types.ts';

/** An event with its place in time. */
export interface Event {
  entry: Entry;
  /** Version key; undefined where the clock gave none yet. */
  seq: bigint | undefined;
}

const TIME_SHIFT = 20n;

/** Unix milliseconds of a version key. */
export const timeOf = (seq: bigint): number => Number(seq >> TIME_SHIFT);

/** The id of the AuditEvent of a row: 16 hexadecimal digits of its version key. */
export const idOf = (seq: string | bigint): string => BigInt(seq).toString(16).padStart(16, '0');

type Value = string | number | bigint | null | undefined;

/** An array literal of values that need no quotes. */
export const sqlList = (values: readonly Value[]): string =>
  `{${values.map((value) => value ?? 'null').join(',')}}`;

// biome-ignore lint/suspicious/noControlCharactersInRegex: PostgreSQL takes no NUL in a text
const NUL = /\u0000/g;

const quoted = (value: string | undefined): string =>
  value === undefined ? 'null' : `"${value.replace(/["\\]/g, '\\$&').replace(NUL, '\ufffd')}"`;

/** An array literal of texts. */
export const sqlTexts = (values: readonly (string | undefined)[]): string =>
  `{${values.map(quoted).join(',')}}`;

/** The parameters of insert.sql, in order. The agents must have been written. */
export function rowValues(
  events: readonly Event[],
  agents: Agents,
  parts: Pick<AuditParts, 'next' | 'key' | 'typeNumber'>,
): unknown[] {
  const seqs = events.map((event) => seqOf(event, parts));
  const entries = events.map(({ entry }) => entry);
  return [
    sqlList(seqs.map(timeOf)),
    sqlList(seqs),
    sqlList(entries.map(({ about }) => about?.version)),
    sqlList(entries.map(({ kind }) => KINDS[kind])),
    sqlList(entries.map(({ outcome }) => outcome)),
    sqlList(entries.map(({ about }) => about && typeNumber(about.type, parts))),
    sqlTexts(entries.map(({ about }) => about?.id)),
    sqlTexts(entries.map((entry) => keysOf(entry, agents, parts))),
    sqlTexts(entries.map(({ request }) => request)),
    sqlTexts(entries.map(({ detail }) => detail && JSON.stringify(detail))),
  ];
}

/** Fixed with the first attempt: what is written again must be the same row. */
function seqOf(event: Event, { next }: Pick<AuditParts, 'next'>): bigint {
  event.seq ??= next();
  return event.seq;
}

/** Refused requests may name a type that there is not. */
function typeNumber(type: string, parts: Pick<AuditParts, 'typeNumber'>): number | undefined {
  try {
    return parts.typeNumber(type);
  } catch {
    return undefined;
  }
}

function keysOf(
  { agent, about, patients = [] }: Entry,
  agents: Agents,
  { key }: Pick<AuditParts, 'key'>,
): string {
  const subject = about?.id === undefined ? 0n : key(`${about.type}/${about.id}`);
  return sqlList([agents.known(agent).key, subject, ...patients]);
}
