-- The role that the connections of a superuser take; no row where they keep their own.
select rolname
from pg_roles
where rolname = 'kiln_server'
  and to_regclass('audit_block') is not null
  and (select rolsuper from pg_roles where rolname = current_user)
