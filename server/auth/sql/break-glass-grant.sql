-- The grant of what was begun, unless that is over by now ($7, seconds), or another's.
insert into auth_grant
  (id, client_id, user_id, session_id, scope, context, offline, created_at, expires_at)
select b.grant_id, b.client_id, b.user_id, b.session_id, $5, $6, false, to_timestamp($7),
  b.expires_at
from auth_break_glass b
where b.grant_id = $1 and b.client_id = $2 and b.user_id = $3 and b.session_id = $4
  and b.ended_at is null and b.expires_at > to_timestamp($7)
for update of b
returning extract(epoch from expires_at)::float8
