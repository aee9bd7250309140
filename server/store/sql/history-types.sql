-- Versions of the given types, newest first, older than version key $2: per type the first rows of
-- the current and of the superseded versions, each along its index, then merged.
-- $3 since; $4, $5 of `_at`: made up to $4, and not superseded up to $5.
select v.id, v.ver, v.vid, v.method, v.content, v.patient, p.type
from (
  select m.*
  from unnest($1::int2[]) as t(num)
  cross join lateral (
    (select s.rk, s.vid, s.type
     from search s
     where s.type = t.num and s.vid < $2 and s.vid >= $3 and s.vid <= $4
     order by s.vid desc limit $6)
    union all
    (select o.rk, o.vid, o.type
     from history o
     where o.type = t.num and o.vid < $2 and o.vid >= $3 and o.vid <= $4
       and not exists (
         select 1 from history n where n.rk = o.rk and n.ver = o.ver + 1 and n.vid <= $5)
       and not exists (
         select 1 from resource n where n.rk = o.rk and n.ver = o.ver + 1 and n.vid <= $5)
     order by o.vid desc limit $6)
  ) m
  order by m.vid desc
  limit $6
) p
-- By version key, so that a version superseded meanwhile is found where it now is.
cross join lateral (
  select r.id, r.ver, r.vid, r.method, r.content, r.patient
  from resource r where r.rk = p.rk and r.vid = p.vid
  union all
  select h.id, h.ver, h.vid, h.method, h.content, h.patient
  from history h where h.rk = p.rk and h.vid = p.vid
) v
order by p.vid desc
