-- Those that ended are cleared away, some at a time, by those that begin.
with ended as (
  delete from auth_launch
  where hash in (
    select hash from auth_launch
    where expires_at < to_timestamp($6::float8 - 3600)
    limit 20
    for update skip locked
  )
)
insert into auth_launch (hash, client_id, session_id, context, expires_at, user_id)
values ($1, $2, $3, $4, to_timestamp($5::float8), $7)
