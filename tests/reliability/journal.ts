import { ask } from '../helpers/embedded.ts';
import type { Ledger } from './ledger.ts';

/** Versions that were written, each with how many events of its write there are. */
const WRITES = `
  with versions as (
    select type, id, ver from resource union all select type, id, ver from history
  ), events as (
    select type, id, ver, count(*)::int as n from audit
    where kind between 1 and 4 and outcome = 0 and detail is null
    group by type, id, ver
  )
  select t.name || '/' || coalesce(v.id, e.id) as name, coalesce(v.ver, e.ver) as version,
         v.id is not null as stored, coalesce(e.n, 0) as events
  from versions v full join events e using (type, id, ver)
  join resource_type t on t.num = coalesce(v.type, e.type)`;

interface Written {
  name: string;
  version: number;
  stored: boolean;
  events: number;
}

/** What does not fit between the journal and what it is about, and what clients were told. */
export async function journalFaults(
  connection: object,
  { acknowledged }: Ledger,
): Promise<string[]> {
  const rows = (await ask(connection, WRITES)) as Written[];
  const there = new Set(rows.map(({ name, version }) => `${name} ${version}`));
  const lost = acknowledged.filter(({ name, version }) => !there.has(`${name} ${version}`));
  return [
    ...rows
      .filter(({ stored, events }) => !stored || events !== 1)
      .map(({ name, version, ...rest }) => `${name} ${version}: ${JSON.stringify(rest)}`),
    ...lost.map(({ name, version }) => `${name} version ${version} has no event`),
  ];
}

/** The values of X-Request-Id in the journal. */
export async function requestsIn(connection: object): Promise<string[]> {
  const text = 'select request from audit_event where request is not null';
  return ((await ask(connection, text)) as { request: string }[]).map(({ request }) => request);
}
