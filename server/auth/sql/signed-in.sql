select extract(epoch from signed_in)::float8, methods from auth_session where id = $1
