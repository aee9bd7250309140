insert into auth_break_glass
  (grant_id, user_id, client_id, session_id, patient, reason, began_at, expires_at)
values ($1, $2, $3, $4, $5, $6, to_timestamp($7), to_timestamp($8))
