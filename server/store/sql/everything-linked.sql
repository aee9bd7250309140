-- Of the rows named by references ($1): those of the types $2 that are no patient's, and those of
-- patient $3 (null: none). Members of the compartment ($4) and the row itself ($5) are there already.
select r.type, r.id, r.ver, r.vid, r.method, r.content, r.patient
from resource r
join search s on s.type = r.type and s.seq = r.seq
where r.rk = any($1::bigint[])
  and ((s.patient is null and r.type = any($2::int2[])) or s.patient = $3::bigint)
  and r.rk <> $5::bigint
  and (s.tok && $4::bigint[]) is not true
