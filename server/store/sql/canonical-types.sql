-- All resources of these types, at most so many, with what they call themselves.
with listed as materialized (
  select seq, rk from search where type = any($1::int2[]) limit $2
)
select s.seq, c.url, c.version
from listed s
join resource r on r.rk = s.rk
cross join lateral json_to_record(r.content::json) as c(url text, version text)
