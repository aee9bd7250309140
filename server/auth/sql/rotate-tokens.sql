-- Uses a refresh token up and puts others in its place; no row where it cannot be used.
with used as (
  update auth_token
  set used_at = to_timestamp($2)
  where hash = $7 and grant_id = $1 and kind = 'R'
    and used_at is null and revoked_at is null and expires_at > to_timestamp($2)
  returning grant_id
)
insert into auth_token (hash, grant_id, kind, scope, issued_at, expires_at)
select hash, grant_id, kind::"char", scope, to_timestamp($2), to_timestamp(expires)
from used, unnest($3::bytea[], $4::text[], $5::text[], $6::float8[])
  as new (hash, kind, scope, expires)
