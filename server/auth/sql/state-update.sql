update auth_app_state
set version = version + 1, content = $3, updated_at = to_timestamp($4::float8)
where id = $1 and version = $2
