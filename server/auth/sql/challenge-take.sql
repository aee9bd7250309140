delete from auth_challenge
where hash = $1 and browser = $2 and purpose = $3 and user_id is not distinct from $4
  and expires_at > to_timestamp($5)
returning true
