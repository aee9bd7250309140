select purpose, details ->> 'user'
from auth_link
where hash = $1 and used_at is null and expires_at > to_timestamp($2)
