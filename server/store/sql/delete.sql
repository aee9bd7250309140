-- Moves resources that stand at the version the caller has seen into history, with a tombstone.
-- Audit rows as in insert.sql.
with input as materialized (
  select i.* from unnest($1::bigint[], $2::bigint[], $3::int[], $4::bigint[], $5::text[])
    as i(rk, vid, base, agent, request)
), old as materialized (
  select r.rk, r.seq, r.vid, r.patient, r.ver, r.type, r.method, r.id, r.content,
         i.vid as tombstone, i.agent, i.request
  from resource r join input i on r.rk = i.rk and r.ver = i.base
  order by r.rk
  for update of r
), versions as (
  insert into history (rk, vid, patient, ver, type, method, id, content)
  select rk, vid, patient, ver, type, method, id, content from old
  union all
  select rk, tombstone, patient, ver + 1, type, 'D', id, '' from old
), resources as (
  delete from resource where rk in (select rk from old)
), searches as (
  delete from search s using old o where s.type = o.type and s.seq = o.seq
), strings as (
  delete from search_string where seq in (select seq from old)
), dates as (
  delete from search_date where seq in (select seq from old)
), numbers as (
  delete from search_number where seq in (select seq from old)
), texts as (
  delete from search_text where seq in (select seq from old)
), audits as (
  insert into audit (at, seq, kind, outcome, type, ver, id, keys, request)
  select tombstone >> 20, tombstone, 4, 0, type, ver + 1, id,
         array_remove(array[agent, rk, patient], null), request
  from old
  where agent is not null
)
select rk from old
