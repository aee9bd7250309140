update auth_sign_in set used_at = to_timestamp($2)
where hash = $1 and used_at is null and expires_at > to_timestamp($2)
returning true
