-- Moves resources that stand at the version the caller has seen into history, with a tombstone.
with input as materialized (
  select i.* from unnest($1::bigint[], $2::bigint[], $3::int[]) as i(rk, vid, base)
), old as materialized (
  select r.rk, r.seq, r.vid, r.ver, r.type, r.method, r.id, r.content, i.vid as tombstone
  from resource r join input i on r.rk = i.rk and r.ver = i.base
  order by r.rk
  for update of r
), versions as (
  insert into history (rk, vid, ver, type, method, id, content)
  select rk, vid, ver, type, method, id, content from old
  union all
  select rk, tombstone, ver + 1, type, 'D', id, '' from old
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
)
select rk from old
