-- Uses a jti ($2) of a client until $3 (seconds); no row is touched where it was used and still counts
-- at $4.
insert into auth_assertion (client_id, jti, expires_at)
values ($1, $2, to_timestamp($3::float8))
on conflict (client_id, jti) do update set expires_at = excluded.expires_at
where auth_assertion.expires_at < to_timestamp($4::float8)
