delete from auth_token where expires_at < to_timestamp($1) - interval '1 day'
