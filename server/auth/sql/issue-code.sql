insert into auth_code (hash, grant_id, redirect_uri, challenge, nonce, expires_at)
values ($1, $2, $3, $4, $5, to_timestamp($6))
