select from auth_user where 'Admin' = any(roles) and disabled_at is null and id <> $1 limit 1
