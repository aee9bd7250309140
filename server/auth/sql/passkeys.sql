select p.id, p.user_id, p.name, p.public_key, p.counter::float8, p.transports, p.synced,
  extract(epoch from p.created_at)::float8, extract(epoch from p.used_at)::float8
from auth_passkey p
where p.user_id = $1
order by p.created_at, p.id
