-- Session $1 of user $2, if it is alive at $3 (seconds), and held so: of those who break the glass in
-- it one goes first, and signing out comes before or after.
select extract(epoch from signed_in)::float8
from auth_session
where id = $1 and user_id = $2 and ended_at is null and expires_at > to_timestamp($3)
for update
