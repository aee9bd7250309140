-- The codes $2 in place of all that user $1 had.
with ended as (delete from auth_recovery_code where user_id = $1 and not hash = any($2))
insert into auth_recovery_code (user_id, hash)
select $1, hash from unnest($2::bytea[]) as made (hash)
