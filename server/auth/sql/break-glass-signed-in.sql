-- When the user $2 of session $1, alive at $3 (seconds), last proved who they are.
select extract(epoch from signed_in)::float8
from auth_session
where id = $1 and user_id = $2 and ended_at is null and expires_at > to_timestamp($3)
