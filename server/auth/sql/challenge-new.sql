-- Those that nobody answered are cleared away, some at a time, by those that come.
with ended as (
  delete from auth_challenge
  where hash in (
    select hash from auth_challenge
    where expires_at < to_timestamp($6)
    limit 20
    for update skip locked
  )
)
insert into auth_challenge (hash, browser, purpose, user_id, expires_at)
values ($1, $2, $3, $4, to_timestamp($5))
