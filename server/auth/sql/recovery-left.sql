select count(*)::int from auth_recovery_code where user_id = $1 and used_at is null
