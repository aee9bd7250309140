-- Grants that nothing can be done with any more; their codes and tokens go with them. A day is left
-- for the second use of something to be noticed.
with bound as (select to_timestamp($1) - interval '1 day' as day)
delete from auth_grant g
using bound
where g.revoked_at < bound.day
  or g.created_at < bound.day
    and not exists (select from auth_token t where t.grant_id = g.id and t.expires_at > bound.day)
