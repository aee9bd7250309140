-- Resources filed under any of these words (canonical urls) with what they call themselves.
-- Found through the words alone: most of them are on few resources, while a type may have many.
with named as materialized (
  select seq, rk from search where tok && $1::bigint[] limit $2
)
select n.seq, c.url, c.version
from named n
join resource r on r.rk = n.rk
cross join lateral json_to_record(r.content::json) as c(url text, version text)
