insert into unit (h, system, code, unit)
select h, system, code, unit
from unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) as u(h, system, code, unit)
order by h
on conflict (h) do nothing
