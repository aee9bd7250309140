-- The session of cookie $10 goes on under cookie $1, if it is this user's and alive; $11: seconds that
-- it may have been idle. The rest as in session-begin.sql.
update auth_session s
set hash = $1, methods = $3, signed_in = to_timestamp($8), seen_at = to_timestamp($4),
  expires_at = to_timestamp($5), issuer = coalesce($6, s.issuer),
  idp_session = coalesce($7, s.idp_session), device = $9
from auth_user u
where s.hash = $10 and s.user_id = $2 and u.id = s.user_id and u.disabled_at is null
  and s.ended_at is null and s.expires_at > to_timestamp($4)
  and s.seen_at > to_timestamp($4) - make_interval(secs => $11)
returning s.id
