update auth_launch
set used_at = to_timestamp($4::float8)
where hash = $1
  and client_id = $2
  and (session_id = $3 or user_id = $5)
  and used_at is null
  and expires_at > to_timestamp($4::float8)
returning context
