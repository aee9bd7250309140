-- A new client, or the new state of one; whether it is disabled is not touched.
insert into auth_client (id, name, auth, secret_hash, jwks, jwks_uri, redirect_uris, launch_uris,
  grants, scopes, roles, settings, created_at)
values ($1, $2, $3, $4, $5::jsonb, $6, $7, $8, $9, $10, $11, $12::jsonb, to_timestamp($13::float8))
on conflict (id) do update set
  name = excluded.name, auth = excluded.auth, secret_hash = excluded.secret_hash,
  jwks = excluded.jwks, jwks_uri = excluded.jwks_uri, redirect_uris = excluded.redirect_uris,
  launch_uris = excluded.launch_uris, grants = excluded.grants, scopes = excluded.scopes,
  roles = excluded.roles, settings = excluded.settings
