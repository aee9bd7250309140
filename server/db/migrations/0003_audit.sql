-- The audit journal (server/audit): append only, chained by hashes. Who owns these tables and may do
-- what is arranged at each start (server/db/sql/roles.sql).

-- What is added to transaction ids, so that they never fall: in a cluster that a dump was restored to
-- they begin anew. Replaced by audit_rebase; it is inlined and costs nothing.
create function audit_offset() returns bigint language sql immutable parallel safe
  return 0::bigint;

-- The id of the transaction that writes, counted through all clusters the journal has lived in.
create function audit_tx() returns bigint language sql stable
  return pg_current_xact_id()::text::bigint + audit_offset();

-- One row per event; AuditEvents are made of them when somebody reads.
--   at       unix ms; of events of Kiln's own seq >> 20
--   seq      version key (server/store/clock.ts), unique
--   tx       transaction that wrote it: what is below every transaction under way is final
--   kind, outcome  as server/audit/types.ts numbers them; 99: a pack of `ver` events that happened
--            within a second, in `detail`; `keys` are those of all, with their kinds (server/audit/pack.ts)
--   type, id, ver  of what it is about; id of a foreign AuditEvent is its own
--   keys     agent (audit_agent), row key of what it is about or 0, row keys of patients;
--            of foreign ones the agent that sent it and the row keys of all it refers to
--   request  X-Request-Id
--   detail   JSON (Detail of server/audit/types.ts)
--   content  of foreign ones: the AuditEvent
create table audit (
  at      bigint not null,
  seq     bigint not null,
  tx      bigint not null default audit_tx(),
  ver     int,
  kind    int2 not null,
  outcome int2 not null,
  type    int2,
  id      text collate "C",
  keys    bigint[] not null,
  request text,
  detail  text,
  content text,
  primary key (at, seq)
);
alter table audit alter keys set statistics 1000;
-- The list of what is not yet in the index is emptied in the background (audit_tidy): the limit is
-- what a second of the heaviest load does not reach, so that no writer empties it.
create index audit_keys on audit using gin (keys)
  with (fastupdate = on, gin_pending_list_limit = 16384);
create index audit_tx on audit using brin (tx) with (pages_per_range = 32);
-- What is looked for and is few: all that failed, and all that is neither a read, a search nor a write.
create index audit_refused on audit (at, seq) where outcome <> 0;
create index audit_kind on audit (kind, at, seq) where kind not in (1, 2, 3, 5, 6, 7, 8);
create unique index audit_foreign on audit (id) where content is not null;
-- What others sent may have happened long before (server/store/sql/audit-foreign-span.sql).
create index audit_foreign_seq on audit (seq) where content is not null;

-- The events one by one, also those in packs: for people with psql.
create view audit_event with (security_invoker = true) as
select at, seq, kind, outcome, type, ver, id, request, detail, content,
       keys[1] as agent, keys[3:] as patients
from audit where kind <> 99
union all
select (p.seq + (e ->> 0)::bigint) >> 20, p.seq + (e ->> 0)::bigint, (e ->> 1)::int2, 0::int2,
       (e ->> 3)::int2, (e ->> 5)::int, e ->> 4, e ->> 7, e ->> 8, null,
       (p.detail::jsonb -> 'agents' ->> (e ->> 2)::int)::bigint,
       array(select jsonb_array_elements_text(nullif(e -> 6, 'null')))::bigint[]
from audit p, jsonb_array_elements(p.detail::jsonb -> 'events') e
where p.kind = 99;

-- Who acted, each written once. key: first 8 bytes of SHA-256 of content; keys: row keys of who it is,
-- hashes of the ids of user and client; content: JSON (Agent of server/audit/types.ts).
create table audit_agent (
  key     bigint primary key,
  keys    bigint[] not null,
  tx      bigint not null default audit_tx(),
  content text not null
);
create index audit_agent_keys on audit_agent using gin (keys) with (fastupdate = off);
create index audit_agent_tx on audit_agent (tx);

-- The chain: each block covers the rows whose tx is in [lo, hi), and names the block before it.
--   day, n         UTC day in which it was made, and its number in that day, from 1 on
--   at             when it was made, unix ms
--   count, digest  of the events in it: SHA-256 of the SHA-256 of each row, in order
--   agents, agents_digest  the same of the rows of audit_agent
--   hash           audit_hash
create table audit_block (
  day           date not null,
  n             int not null,
  lo            bigint not null,
  hi            bigint not null,
  at            bigint not null,
  count         int not null,
  agents        int not null,
  digest        bytea not null,
  agents_digest bytea not null,
  hash          bytea not null,
  primary key (day, n)
);

-- What the rows of [lo, hi) come to. Never to be changed: all blocks would seem to be at fault.
create function audit_digest(lo bigint, hi bigint)
  returns table (count int, digest bytea, agents int, agents_digest bytea) language sql stable
begin atomic
  select e.count, e.digest, a.count, a.digest
  from (
    select coalesce(sum(case when kind = 99 then ver else 1 end), 0)::int as count,
           sha256(coalesce(string_agg(sha256(convert_to(row(
             at, seq, tx, ver, kind, outcome, type, id, keys, request, detail, content
           )::text, 'UTF8')), '' order by at, seq), '')) as digest
    from audit where tx >= lo and tx < hi
  ) e, (
    select count(*)::int as count, sha256(coalesce(string_agg(sha256(convert_to(row(
             key, keys, tx, content
           )::text, 'UTF8')), '' order by key), '')) as digest
    from audit_agent where tx >= lo and tx < hi
  ) a;
end;

-- The hash of a block behind the one whose hash is `before` (empty: there is none).
create function audit_hash(before bytea, b audit_block) returns bytea language sql immutable
  return sha256(before || convert_to(concat_ws('|', b.day - date '2000-01-01', b.n, b.lo, b.hi, b.at,
    b.count, b.agents, encode(b.digest, 'hex'), encode(b.agents_digest, 'hex')), 'UTF8'));

create function audit_refuse() returns trigger language plpgsql as $$
begin
  raise exception 'the audit journal is append only: % of % refused', tg_op, tg_table_name
    using errcode = 'insufficient_privilege';
end $$;
create trigger append_only before update or delete or truncate on audit
  for each statement execute function audit_refuse();
create trigger append_only before update or delete or truncate on audit_agent
  for each statement execute function audit_refuse();
create trigger append_only before update or delete or truncate on audit_block
  for each statement execute function audit_refuse();
-- Also where session_replication_role is replica.
alter table audit enable always trigger append_only;
alter table audit_agent enable always trigger append_only;
alter table audit_block enable always trigger append_only;

-- What only the owner may do, for Kiln's own role to call.

-- Brings the index on keys up to date, and where `all_of_them` that on tx; it does not wait for a vacuum.
create function audit_tidy(all_of_them boolean) returns void language plpgsql security definer as $$
begin
  perform gin_clean_pending_list('audit_keys');
  if all_of_them then perform brin_summarize_new_values('audit_tx'); end if;
exception when lock_not_available then null;
end $$;

-- Raises audit_offset where transaction ids have fallen behind those of the journal, as they do when
-- a dump is restored to another cluster. To be called before anything is written.
create function audit_rebase() returns boolean language plpgsql security definer as $$
declare
  chained bigint;
  newest bigint;
begin
  for attempt in 1..2 loop
    chained := coalesce((select hi from audit_block order by day desc, n desc limit 1), 0);
    newest := greatest(chained,
      (select max(tx) from audit where tx >= chained), (select max(tx) from audit_agent));
    if newest <= pg_snapshot_xmax(pg_current_snapshot())::text::bigint + audit_offset() then
      return false;
    end if;
    -- Another process may be at it, or at the chain: wait, and look again.
    perform pg_advisory_xact_lock(x'6b696c61'::int);
  end loop;
  execute format('create or replace function audit_offset() returns bigint language sql '
    'immutable parallel safe return %s::bigint', newest);
  return true;
end $$;

do $$
declare path text := quote_ident(current_schema()) || ', pg_temp';
begin
  execute 'alter function audit_tidy(boolean) set search_path = ' || path;
  execute 'alter function audit_rebase() set search_path = ' || path;
end $$;
alter function audit_tidy(boolean) set lock_timeout = '100ms';
revoke execute on function audit_tidy(boolean), audit_rebase() from public;
