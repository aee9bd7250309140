-- Ids of resources by their row keys, also of deleted ones.
select rk, id from resource where rk = any($1::bigint[]) and type = $2::int2
union
select rk, id from history where rk = any($1::bigint[]) and type = $2::int2
