-- A launch that is for a user, whatever their session.
select 1
from auth_launch
where hash = $1
  and client_id = $2
  and user_id is not null
  and used_at is null
  and expires_at > to_timestamp($3::float8)
