import { loadSql } from '../db/db.ts';
import type { Agents } from './agents.ts';
import { sqlList, timeOf } from './rows.ts';
import {
  type Agent,
  type AuditFilter,
  type AuditParts,
  type AuditRow,
  type Detail,
  KINDS,
  type Kind,
  type Outcome,
} from './types.ts';

const newestSql = loadSql(import.meta.url, 'scan-newest.sql').text;
const oldestSql = loadSql(import.meta.url, 'scan-oldest.sql').text;
const findSql = loadSql(import.meta.url, 'find.sql');
const findForeignSql = loadSql(import.meta.url, 'find-foreign.sql');
const namesSql = loadSql(import.meta.url, 'names.sql');

const kindNames = new Map(
  Object.entries(KINDS).map(([name, num]) => [num as number, name as Kind]),
);

const LATEST = 2n ** 63n - 1n;
/** Lists of keys that the statement looks at; what others ask for is for the caller to see. */
const LISTS = 3;

/** at, seq, kind, outcome, type, ver, id, keys, request, detail, content */
type Tuple = readonly [
  ...[string, string, number, number, number | null, number | null, string | null],
  ...[string[], string | null, string | null, string | null],
];

/** Reads rows of the journal. */
export class Reader {
  readonly #parts: AuditParts;
  readonly #agents: Agents;

  constructor(parts: AuditParts, agents: Agents) {
    this.#parts = parts;
    this.#agents = agents;
  }

  async scan(filter: AuditFilter): Promise<AuditRow[]> {
    const { keys = [], kinds, outcomes, descending, limit } = filter;
    const lists = Array.from({ length: LISTS }, (_, i) => keys[i] && sqlList(keys[i]));
    // Without a name: a statement that is planned once for all values would not know the keys.
    const statement = { text: descending ? newestSql : oldestSql };
    const rows = await this.#parts.db.tuples<Tuple>(statement, [
      ...boundsOf(filter),
      ...lists,
      kinds && sqlList(kinds.map((kind) => KINDS[kind])),
      outcomes && sqlList(outcomes),
      limit,
    ]);
    return this.#rows(rows);
  }

  async find(id: string): Promise<AuditRow | undefined> {
    const { db } = this.#parts;
    const own = /^[0-7][0-9a-f]{15}$/.test(id) ? BigInt(`0x${id}`) : undefined;
    const found = own === undefined ? [] : await db.tuples<Tuple>(findSql, [timeOf(own), own]);
    const rows = found.length > 0 ? found : await db.tuples<Tuple>(findForeignSql, [id]);
    const [row] = await this.#rows(rows);
    return row;
  }

  async #rows(tuples: readonly Tuple[]): Promise<AuditRow[]> {
    const agents = await this.#agents.read(tuples.map(([, , , , , , , keys]) => keys[0] ?? '0'));
    const names = await this.#names(tuples.filter((row) => row[10] === null));
    return tuples.map((tuple) => this.#row(tuple, agents, names));
  }

  /** Ids of the patients that rows name. */
  async #names(tuples: readonly Tuple[]): Promise<Map<string, string>> {
    const keys = new Set(tuples.flatMap(([, , , , , , , all]) => all.slice(2)));
    if (keys.size === 0) return new Map();
    const { db, typeNumber } = this.#parts;
    const rows = await db.tuples<[string, string]>(namesSql, [
      sqlList([...keys]),
      typeNumber('Patient'),
    ]);
    return new Map(rows);
  }

  #row(tuple: Tuple, agents: Map<string, Agent>, names: Map<string, string>): AuditRow {
    const [at, seq, kind, outcome, type, version, id, keys, request, detail, content] = tuple;
    const patients = content === null ? keys.slice(2).map((key) => names.get(key)) : [];
    return {
      at: Number(at),
      seq,
      kind: kindNames.get(kind) ?? 'operation',
      outcome: outcome as Outcome,
      agent: agents.get(keys[0] ?? '') ?? { kind: 'anonymous' },
      patients: patients.map((name) => (name === undefined ? undefined : `Patient/${name}`)),
      ...(type !== null && {
        about: {
          type: this.#parts.typeName(type),
          ...(id !== null && { id }),
          ...(version !== null && { version }),
        },
      }),
      ...(request !== null && { request }),
      ...(detail !== null && { detail: JSON.parse(detail) as Detail }),
      ...(content !== null && { content }),
    };
  }
}

/** The last `at` in the direction, and the position behind which to begin. */
function boundsOf({ descending, after, ...filter }: AuditFilter): unknown[] {
  const since = filter.since ?? -LATEST;
  const until = filter.until ?? LATEST;
  if (descending) {
    return [since, ...(after && after.at <= until ? [after.at, after.seq] : [until, LATEST])];
  }
  return [until, ...(after && after.at >= since ? [after.at, after.seq] : [since, -LATEST])];
}
