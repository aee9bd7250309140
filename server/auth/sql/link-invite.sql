-- Ends the invitations of user $3 so far, and makes another.
with ended as (delete from auth_link where purpose = 'invite' and details ->> 'user' = $3)
insert into auth_link (hash, purpose, details, expires_at)
select $1, 'invite', jsonb_build_object('user', id), to_timestamp($2)
from auth_user where id = $3 and disabled_at is null
returning true
