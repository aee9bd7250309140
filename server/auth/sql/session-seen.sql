update auth_session set seen_at = to_timestamp($2) where hash = $1 and seen_at < to_timestamp($2)
