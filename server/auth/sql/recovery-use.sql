update auth_recovery_code set used_at = to_timestamp($3)
where user_id = $1 and hash = $2 and used_at is null
returning (
  select count(*)::int from auth_recovery_code o where o.user_id = $1 and o.used_at is null
) - 1
