-- A name that somebody still has must not come to mean something else.
with used as (
  select exists (select from auth_user where $1 = any(roles))
      or exists (select from auth_client where $1 = any(roles)) as used
), deleted as (
  delete from auth_role
  where name = $1 and not (select used from used)
  returning name
)
select used, exists (select from deleted)
from used
