update auth_user set disabled_at = to_timestamp($2) where id = $1 and disabled_at is null
