-- Those that ended are cleared away, some at a time, by those that begin.
with ended as (
  delete from auth_sign_in
  where hash in (
    select hash from auth_sign_in
    where expires_at < to_timestamp($6)
    limit 20
    for update skip locked
  )
)
insert into auth_sign_in (hash, browser, user_id, purpose, expires_at)
values ($1, $2, $3, $4, to_timestamp($5))
