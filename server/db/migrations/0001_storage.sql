-- Storage of resources and of what searches need to find them (docs/architecture.md, "Storage").
-- One set of tables for all resource types: a bundle of any mix of types is one insert per table.

create table setting (
  name  text primary key,
  value text not null
);

-- Numbers for resource type names, given once and never changed.
create table resource_type (
  num  int2 primary key,
  name text collate "C" not null unique
);

-- Leases of the 8-bit process number inside version keys: two processes never make the same key.
create table process_slot (
  slot         int2 primary key,
  owner        text,
  leased_until timestamptz not null default '-infinity'
);
insert into process_slot (slot) select generate_series(0, 255);

-- The current version of every resource. Keys:
--   rk   keyed 64-bit hash of 'Type/id'; the id is compared too, so a collision is a miss
--   seq  version key of the creation: immutable, unique, in order of time; joins the search tables
--   vid  version key of this version: (unix ms << 20) | (process slot << 12) | counter
-- sides is a digest of its rows in search_string, _date and _number, null if it has none; sum one of
-- its substance that the order of members does not change. content is JSON text exactly as served.
create table resource (
  rk      bigint primary key,
  seq     bigint not null,
  vid     bigint not null,
  sides   bigint,
  sum     int not null,
  ver     int not null,
  type    int2 not null,
  method  "char" not null,
  id      text collate "C" not null,
  content text not null
);

-- Superseded versions, and deletions (method 'D', empty content).
create table history (
  rk      bigint not null,
  vid     bigint not null,
  ver     int not null,
  type    int2 not null,
  method  "char" not null,
  id      text collate "C" not null,
  content text not null,
  primary key (rk, ver)
);
create index history_vid on history (type, vid);

-- One narrow row per current resource.
--   patient  row key of the patient it belongs to, where the type has one such reference
--   lo, hi   its main clinical date as a period, unix ms, inclusive
--   tok      hashes of all tokens and uris, and per reference h64(target) # h64(parameter)
create table search (
  seq     bigint not null,
  vid     bigint not null,
  rk      bigint not null,
  patient bigint,
  lo      bigint,
  hi      bigint,
  type    int2 not null,
  tok     bigint[] not null,
  primary key (type, seq)
);
alter table search alter tok set statistics 1000;
create index search_vid on search (type, vid);
-- Without seq, although pages are ordered by it last: what was recorded at one visit has one date,
-- and equal keys share an entry.
create index search_patient on search (patient, type, lo desc nulls last)
  where patient is not null;
create index search_start on search (type, lo) where lo is not null;
create index search_undated on search (type, seq) where lo is null;
-- Periods longer than a day are few; all others are found by their start.
create index search_long on search (type, hi) where hi - lo > 86400000;
create index search_tok on search using gin (tok)
  with (fastupdate = on, gin_pending_list_limit = 64);

-- Rows that are updated often leave dead ones behind: collected at a twentieth, not at a fifth.
alter table resource set (autovacuum_vacuum_scale_factor = 0.05);
alter table search set (autovacuum_vacuum_scale_factor = 0.05);

-- Other dates, strings, and numbers with quantities; k is the hash of the parameter's key.
create table search_date (
  k bigint not null, lo bigint not null, hi bigint not null, seq bigint not null
);
create index search_date_k on search_date (k, lo);
create index search_date_long on search_date (k, hi) where hi - lo > 86400000;
create index search_date_seq on search_date (seq);

-- part: a later word of a family name, found like the whole but not what a page is ordered by.
create table search_string (
  k bigint not null, seq bigint not null, part boolean not null, v text collate "C" not null
);
create index search_string_k on search_string (k, v, seq);
create index search_string_seq on search_string (seq);

create table search_number (
  k bigint not null, lo float8 not null, hi float8 not null, seq bigint not null, unit bigint
);
create index search_number_k on search_number (k, lo);
create index search_number_range on search_number (k, hi) where hi - lo > 0;
create index search_number_seq on search_number (seq);

-- The units met so far: few; a query finds here the ones it means.
create table unit (
  h      bigint primary key,
  system text collate "C" not null,
  code   text collate "C" not null,
  unit   text collate "C" not null
);

-- Held for the length of a conditional create or update, so that one criterion is decided once.
create table criteria_lock (
  h bigint primary key
);
