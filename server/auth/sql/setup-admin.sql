-- Uses the setup link $1 up at $2 and makes the user it is for, both or neither; no row where it
-- cannot be used, or somebody else has become administrator.
with used as (
  update auth_link set used_at = to_timestamp($2)
  where hash = $1 and purpose = 'setup' and used_at is null and expires_at > to_timestamp($2)
    and not exists (select from auth_user where 'Admin' = any(roles) and disabled_at is null)
  returning hash
)
insert into auth_user (id, login, name, password_hash, roles)
select $3, $4, $5, $6, '{Admin}' from used
returning id
