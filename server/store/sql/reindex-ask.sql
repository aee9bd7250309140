-- Begins a type anew, also where a run is under way: its report finds another round and ends it.
insert into reindex as r (type, version)
select t.num, coalesce($2, v.version)
from unnest($1::int2[]) as t(num) cross join param_version v
order by t.num
on conflict (type) do update
set version = excluded.version, round = r.round + 1, position = 0, done = 0, failed = 0,
    total = null, error = null, asked = now(), finished = null, owner = null,
    leased_until = '-infinity'
