insert into audit_agent (key, keys, content)
select key, keys::bigint[], content
from unnest($1::bigint[], $2::text[], $3::text[]) as a(key, keys, content)
on conflict do nothing
