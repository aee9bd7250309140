-- $1 row keys, $2 salts of parameters: the types that these resources refer to by them.
select distinct x.salt, q.type
from resource r join search s on s.type = r.type and s.seq = r.seq
cross join unnest($2::bigint[]) x(salt) cross join unnest(s.tok) h(word)
join resource q on q.rk = h.word # x.salt
where r.rk = any($1::bigint[]) and (h.word # x.salt) & 7 = 0
