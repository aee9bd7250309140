-- All conditions that are given must hold. Each process drops what it has cached of a grant.
with gone as (
  update auth_grant
  set revoked_at = to_timestamp($1)
  where revoked_at is null
    and ($2::uuid is null or id = $2)
    and ($3::uuid is null or session_id = $3)
    and ($4::text is null or user_id = $4)
    and ($5::text is null or client_id = $5)
    and not ($6::boolean and offline)
  returning id
)
select id::text, pg_notify('kiln_tokens', id::text) from gone
