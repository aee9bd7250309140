-- Of users who are not disabled.
select p.id, p.user_id, p.name, p.public_key, p.counter::float8, p.transports, p.synced,
  extract(epoch from p.created_at)::float8, extract(epoch from p.used_at)::float8
from auth_passkey p
join auth_user u on u.id = p.user_id and u.disabled_at is null
where p.id = $1
