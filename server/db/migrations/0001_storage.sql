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
--   rk   keyed 64-bit hash of 'Type/id', its last three bits zero; the id is compared too, so a
--        collision is a miss
--   seq  version key of the creation: immutable, unique, in order of time; joins the search tables
--   vid  version key of this version: (unix ms << 20) | (process slot << 12) | counter
--   patient  as in search; here for the audit of reads, and kept with every version
-- sides is a digest of its rows in search_string, _date and _number, null if it has none; sum one of
-- its substance that the order of members does not change. content is JSON text exactly as served.
create table resource (
  rk      bigint primary key,
  seq     bigint not null,
  vid     bigint not null,
  sides   bigint,
  patient bigint,
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
  patient bigint,
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

-- v is folded. part: from a later word of a value on; found like the whole, but not what a page is
-- ordered by. o is the value as it was written where that differs; null in parts.
create table search_string (
  k bigint not null, seq bigint not null, part boolean not null, v text collate "C" not null,
  o text collate "C"
);
create index search_string_k on search_string (k, v, seq);
create index search_string_seq on search_string (seq);

create table search_number (
  k bigint not null, lo float8 not null, hi float8 not null, seq bigint not null, unit bigint
);
create index search_number_k on search_number (k, lo);
create index search_number_range on search_number (k, hi) where hi - lo > 0;
create index search_number_seq on search_number (seq);

-- The words of narratives (_text) and, where the setting asks for it, of whole resources (_content).
-- No primary key: an update deletes and inserts in one statement.
create table search_text (
  seq bigint not null, narrative tsvector not null, content tsvector not null
);
create index search_text_narrative on search_text using gin (narrative);
create index search_text_content on search_text using gin (content);
create index search_text_seq on search_text (seq);

-- The three dictionaries (server/store/dictionary.ts): shared words, written before their first use
-- and never changed. What no resource uses any more does no harm.

-- The units met so far: few; a query finds here the ones it means. Of UCUM units also what they come
-- to: value * factor + shift is the value in canon, which all commensurable units share.
create table unit (
  h      bigint primary key,
  system text collate "C" not null,
  code   text collate "C" not null,
  unit   text collate "C" not null,
  canon  text collate "C",
  factor float8,
  shift  float8
);

-- The sets of parameters that the resources of a type have values for; h is the word in search.tok.
create table presence (
  h     bigint primary key,
  type  int2 not null,
  codes text[] not null
);
create index presence_type on presence (type);

-- Texts of tokens (folded), also from each later word on, and whole uris; k is the hash of their key,
-- h the word in search.tok.
create table word_text (
  k bigint not null,
  v text collate "C" not null,
  h bigint not null,
  primary key (k, v, h)
);

-- Held for the length of a conditional create or update, so that one criterion is decided once.
create table criteria_lock (
  h bigint primary key
);

-- Search parameters that came as SearchParameter resources (store/params.ts), one row for each
-- resource type: no column and no index is made for any of them.
--   version  the value of param_version since which it means what it means
--   def      SearchParamDef as JSON
create table search_param (
  type    int2 not null,
  code    text collate "C" not null,
  id      text collate "C" not null,
  version bigint not null,
  def     text not null,
  primary key (type, code)
);

-- Grows with every change of search_param; its one row is locked for the change.
create table param_version (
  version bigint not null
);
insert into param_version values (0);

-- The version of the parameters by which a process writes, and by which it will never write less.
alter table process_slot add column params bigint not null default 0;

-- What was stored before a parameter came is indexed anew, type by type in the order of seq.
--   version   what the run brings the type to; complete: what it has been brought to
--   round     tells a run from the one before it, which must not report any more
--   position  seq of the last resource done
create table reindex (
  type         int2 primary key,
  version      bigint not null,
  complete     bigint not null default 0,
  round        int not null default 1,
  position     bigint not null default 0,
  done         int not null default 0,
  failed       int not null default 0,
  total        int,
  error        text,
  asked        timestamptz not null default now(),
  finished     timestamptz,
  owner        text,
  leased_until timestamptz not null default '-infinity'
);
