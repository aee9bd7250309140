-- All clients, disabled or not.
select id, name, auth, secret_hash, jwks, jwks_uri, redirect_uris, launch_uris, grants, scopes,
  roles, settings,
  extract(epoch from created_at)::float8, extract(epoch from disabled_at)::float8
from auth_client
order by id
