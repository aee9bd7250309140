import { DbError, loadSql, sqlList } from '../db/db.ts';
import type { Agents } from './agents.ts';
import { type Found, isPackable, kindKey, SPAN_MS, unpack } from './pack.ts';
import { timeOf } from './rows.ts';
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
const packsNewestSql = loadSql(import.meta.url, 'packs-newest.sql').text;
const packsOldestSql = loadSql(import.meta.url, 'packs-oldest.sql').text;
const findSql = loadSql(import.meta.url, 'find.sql');
const findPackSql = loadSql(import.meta.url, 'find-pack.sql');
const findForeignSql = loadSql(import.meta.url, 'find-foreign.sql');
const namesSql = loadSql(import.meta.url, 'names.sql');

const kindNames = new Map(
  Object.entries(KINDS).map(([name, num]) => [num as number, name as Kind]),
);

const LATEST = 2n ** 63n - 1n;
/** Lists of keys that the statement looks at; what others ask for is for the caller to see. */
const LISTS = 3;
/** Packs read at once, at first and at most: a pack has a thousand events at most. */
const FEW = 4;
const MANY = 64;
/** Where packs hold the keys asked for but hardly an event has all of them. */
const PATIENCE_MS = 10_000;

/** at, seq, kind, outcome, type, ver, id, keys, request, detail, content */
type Tuple = readonly [
  ...[string, string, number, number, number | null, number | null, string | null],
  ...[string[], string | null, string | null, string | null],
];
/** at, seq, detail */
type PackTuple = readonly [string, string, string];

/** Reads events of the journal, whether they stand in rows of their own or in packs. */
export class Reader {
  readonly #parts: AuditParts;
  readonly #agents: Agents;

  constructor(parts: AuditParts, agents: Agents) {
    this.#parts = parts;
    this.#agents = agents;
  }

  async scan(filter: AuditFilter): Promise<AuditRow[]> {
    const { descending, limit } = filter;
    const singles = await this.#singles(filter);
    const edge = singles.length === limit ? singles.at(-1)?.at : undefined;
    const packed = mayBePacked(filter) ? await this.#packed(filter, edge) : [];
    const found = packed.length === 0 ? singles : [...singles, ...packed].sort(byTime(descending));
    return this.#rows(found.slice(0, limit));
  }

  async find(id: string): Promise<AuditRow | undefined> {
    const { db } = this.#parts;
    const own = /^[0-7][0-9a-f]{15}$/.test(id) ? BigInt(`0x${id}`) : undefined;
    const found = own === undefined ? [] : await db.tuples<Tuple>(findSql, [timeOf(own), own]);
    const packed = own !== undefined && found.length === 0 ? await this.#inPack(own) : undefined;
    if (packed) return (await this.#rows([packed]))[0];
    const rows = found.length > 0 ? found : await db.tuples<Tuple>(findForeignSql, [id]);
    return (await this.#rows(rows.map(foundOf)))[0];
  }

  async #inPack(seq: bigint): Promise<Found | undefined> {
    const { db } = this.#parts;
    const [pack] = await db.tuples<PackTuple>(findPackSql, [timeOf(seq), seq]);
    return pack && this.#unpacked(pack).find((event) => event.seq === String(seq));
  }

  async #singles(filter: AuditFilter): Promise<Found[]> {
    const { kinds, outcomes, descending, limit } = filter;
    // Without a name: a statement that is planned once for all values would not know the keys.
    const statement = { text: descending ? newestSql : oldestSql };
    const rows = await this.#parts.db.tuples<Tuple>(statement, [
      ...boundsOf(filter),
      ...listsOf(filter),
      kinds && sqlList(kinds.map((kind) => KINDS[kind])),
      outcomes && sqlList(outcomes),
      limit,
    ]);
    return rows.map(foundOf);
  }

  /**
   * The first `limit` events in packs, or all up to `edge`, behind which the rows known end; which
   * packs begin where says nothing of events up to a second later.
   */
  async #packed(filter: AuditFilter, edge: number | undefined): Promise<Found[]> {
    const { descending, limit } = filter;
    const [far, at, seq] = boundsOf(filter);
    const statement = { text: descending ? packsNewestSql : packsOldestSql };
    const kinds = filter.kinds?.filter((kind) => isPackable({ kind, outcome: 0 })).map(kindKey);
    const fits = fitterOf(filter);
    const give = performance.now() + PATIENCE_MS;
    const found: Found[] = [];
    // Packs that begin up to a second before the first time asked for may reach into it.
    const end = descending ? early(far) : far;
    let from: readonly unknown[] = descending ? [at, seq] : [early(at), -LATEST];
    for (let size = FEW; ; size = Math.min(MANY, size * 2)) {
      const packs = await this.#parts.db.tuples<PackTuple>(statement, [
        ...[end, ...from, ...listsOf(filter)],
        ...[kinds && sqlList(kinds), size],
      ]);
      for (const pack of packs) found.push(...this.#unpacked(pack).filter(fits));
      const last = packs.at(-1);
      if (!last || packs.length < size) return found;
      const known = knownTo(Number(last[0]), descending);
      const complete = found.filter(known);
      if (complete.length >= limit) return complete;
      if (edge !== undefined && known({ at: edge })) return complete;
      if (performance.now() > give) {
        throw new DbError('timeout', 'the journal is long, and few of its events fit');
      }
      from = [last[0], last[1]];
    }
  }

  #unpacked = ([, seq, detail]: PackTuple): Found[] => unpack({ seq, detail }, this.#parts);

  async #rows(found: readonly Found[]): Promise<AuditRow[]> {
    const agents = await this.#agents.read(found.map(({ keys }) => keys[0] ?? '0'));
    const names = await this.#names(found.filter(({ content }) => content === null));
    return found.map((event) => this.#row(event, agents, names));
  }

  /** Ids of the patients that events name. */
  async #names(found: readonly Found[]): Promise<Map<string, string>> {
    const keys = new Set(found.flatMap((event) => event.keys.slice(2)));
    if (keys.size === 0) return new Map();
    const { db, typeNumber } = this.#parts;
    const rows = await db.tuples<[string, string]>(namesSql, [
      sqlList([...keys]),
      typeNumber('Patient'),
    ]);
    return new Map(rows);
  }

  #row(event: Found, agents: Map<string, Agent>, names: Map<string, string>): AuditRow {
    const { at, seq, type, version, id, keys, request, detail, content } = event;
    const patients = content === null ? keys.slice(2).map((key) => names.get(key)) : [];
    return {
      ...{ at, seq, kind: kindNames.get(event.kind) ?? 'operation' },
      outcome: event.outcome as Outcome,
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
      ...(detail !== null && { detail }),
      ...(content !== null && { content }),
    };
  }
}

function foundOf(tuple: Tuple): Found {
  const [at, seq, kind, outcome, type, version, id, keys, request, detail, content] = tuple;
  return {
    ...{ at: Number(at), seq, kind, outcome, type, version, id, keys, request, content },
    detail: detail === null ? null : (JSON.parse(detail) as Detail),
  };
}

const listsOf = ({ keys = [] }: AuditFilter): (string | undefined)[] =>
  Array.from({ length: LISTS }, (_, i) => keys[i] && sqlList(keys[i]));

/** Packs hold what succeeded of some kinds. */
const mayBePacked = ({ kinds, outcomes }: AuditFilter): boolean =>
  (!outcomes || outcomes.includes(0)) &&
  (!kinds || kinds.some((kind) => isPackable({ kind, outcome: 0 })));

/** Which events of a pack are asked for: what the statement says of rows. */
function fitterOf(filter: AuditFilter): (event: Found) => boolean {
  const { keys = [], kinds, since = -Infinity, until = Infinity, after, descending } = filter;
  const lists = keys.map((list) => new Set(list));
  const numbers = kinds && new Set<number>(kinds.map((kind) => KINDS[kind]));
  return (event) =>
    event.at >= since &&
    event.at <= until &&
    (!numbers || numbers.has(event.kind)) &&
    (!after || (descending ? isBefore(event, after) : isBefore(after, event))) &&
    lists.every((list) => event.keys.some((key) => list.has(key)));
}

type Position = NonNullable<AuditFilter['after']>;

const isBefore = (one: Position, other: Position): boolean =>
  one.at === other.at ? BigInt(one.seq) < BigInt(other.seq) : one.at < other.at;

const byTime =
  (descending: boolean) =>
  (one: Found, other: Found): number =>
    isBefore(one, other) === descending ? 1 : -1;

/** Of which times all events are known, where the last pack read begins at `at`. */
const knownTo = (at: number, descending: boolean): ((event: { at: number }) => boolean) =>
  descending ? (event) => event.at > at + SPAN_MS : (event) => event.at < at;

const early = (at: bigint | number): bigint => {
  const time = BigInt(at) - BigInt(SPAN_MS);
  return time < -LATEST ? -LATEST : time;
};

/** The last `at` in the direction, and the position behind which to begin. */
function boundsOf({
  descending,
  after,
  ...filter
}: AuditFilter): [bigint | number, bigint | number, bigint | string] {
  const since = filter.since ?? -LATEST;
  const until = filter.until ?? LATEST;
  if (descending) {
    return [since, ...(after && after.at <= until ? atOf(after) : ([until, LATEST] as const))];
  }
  return [until, ...(after && after.at >= since ? atOf(after) : ([since, -LATEST] as const))];
}

const atOf = ({ at, seq }: Position): [number, string] => [at, seq];
