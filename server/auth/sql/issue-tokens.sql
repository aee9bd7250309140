insert into auth_token (hash, grant_id, kind, scope, issued_at, expires_at)
select hash, $1, kind::"char", scope, to_timestamp($2), to_timestamp(expires)
from unnest($3::bytea[], $4::text[], $5::text[], $6::float8[]) as new (hash, kind, scope, expires)
