-- Uses the code up, also where its grant cannot be had any more.
with used as (
  update auth_code
  set used_at = to_timestamp($2)
  where hash = $1 and used_at is null and expires_at > to_timestamp($2)
  returning grant_id, redirect_uri, challenge, nonce
)
select used.redirect_uri, used.challenge, used.nonce,
  g.id::text, g.client_id, g.user_id, g.session_id::text, g.scope, g.context, g.offline,
  extract(epoch from g.expires_at)::float8
from used
join auth_grant g on g.id = used.grant_id
left join auth_user u on u.id = g.user_id
left join auth_session s on s.id = g.session_id
where g.revoked_at is null
  and u.disabled_at is null
  and (g.expires_at is null or g.expires_at > to_timestamp($2))
  and (g.offline or s.ended_at is null)
