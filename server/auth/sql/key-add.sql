insert into auth_key (kid, public_jwk, private_jwk, created_at)
values ($1, $2::jsonb, $3, to_timestamp($4::float8))
