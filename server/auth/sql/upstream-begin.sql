-- Links of all sorts whose time is up are cleared away by those that begin.
with ended as (delete from auth_link where expires_at < to_timestamp($4))
insert into auth_link (hash, purpose, details, expires_at)
values ($1, 'upstream', $2, to_timestamp($3))
