select client_id, params, step, browser
from auth_request
where hash = $1 and used_at is null and expires_at > to_timestamp($2::float8)
