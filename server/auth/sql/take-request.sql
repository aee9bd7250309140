update auth_request
set used_at = to_timestamp($2::float8)
where hash = $1 and used_at is null and expires_at > to_timestamp($2::float8)
