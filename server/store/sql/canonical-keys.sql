-- What the resources with these row keys call themselves: url and version, where they have a url.
select c.url, c.version
from resource r
cross join lateral json_to_record(r.content::json) as c(url text, version text)
where r.rk = any($1::bigint[]) and c.url is not null
