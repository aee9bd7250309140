update auth_break_glass set ended_at = to_timestamp($2)
where grant_id = $1 and ended_at is null and expires_at > to_timestamp($2)
returning patient
