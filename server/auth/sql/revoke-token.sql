with gone as (
  update auth_token
  set revoked_at = to_timestamp($2)
  where hash = $1 and revoked_at is null
  returning grant_id
)
select pg_notify('kiln_tokens', grant_id::text) from gone
