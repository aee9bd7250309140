-- All conditions that are given must hold. Each process drops what it has cached of a grant. Where the
-- glass was broken in a launch and there is no grant yet, that ends with its session or user too.
with gone as (
  update auth_grant
  set revoked_at = to_timestamp($1)
  where revoked_at is null
    and ($2::uuid is null or id = $2)
    and ($3::uuid is null or session_id = $3)
    and ($4::text is null or user_id = $4)
    and ($5::text is null or client_id = $5)
    and not ($6::boolean and offline)
  returning id, client_id, user_id, context
), glass as (
  update auth_break_glass b
  set ended_at = to_timestamp($1)
  where b.ended_at is null
    and (b.grant_id in (select id from gone) or b.session_id = $3 or b.user_id = $4 and $5 is null)
)
select id::text, client_id, user_id, context->>'patient', pg_notify('kiln_tokens', id::text)
from gone
