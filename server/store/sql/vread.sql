-- Versions by key and number, for any number of readers at once.
select k.rk, v.id, v.ver, v.vid, v.method, v.content, v.patient
from unnest($1::bigint[], $2::int[]) as k(rk, ver)
cross join lateral (
  select id, ver, vid, method, content, patient from resource where rk = k.rk and ver = k.ver
  union all
  select id, ver, vid, method, content, patient from history where rk = k.rk and ver = k.ver
) v
