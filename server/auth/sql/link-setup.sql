-- Ends the setup links so far, and makes another as long as nobody is administrator.
with ended as (delete from auth_link where purpose = 'setup')
insert into auth_link (hash, purpose, expires_at)
select $1, 'setup', to_timestamp($2)
where not exists (select from auth_user where 'Admin' = any(roles) and disabled_at is null)
returning true
