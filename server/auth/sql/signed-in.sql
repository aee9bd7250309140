select extract(epoch from signed_in)::float8 from auth_session where id = $1
