select grant_id::text from auth_code where hash = $1 and used_at is not null
