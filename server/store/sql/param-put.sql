insert into search_param (type, code, id, version, def)
select type, code, id, $4, def
from unnest($1::int2[], $2::text[], $3::text[], $5::text[]) as p(type, code, id, def)
on conflict (type, code) do update
set id = excluded.id, version = excluded.version, def = excluded.def
