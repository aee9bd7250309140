delete from auth_assertion where expires_at < to_timestamp($1::float8)
