-- Who owns the audit journal (migration 0003), so that the connections that serve can add to it and
-- read it, and nothing else. Run at each start by the user that migrates; changes only what is not so.
--   superuser         kiln_audit owns the journal, kiln_server the other tables; the connections that
--                     serve take the role kiln_server (roles.ts)
--   may create roles  <user>_audit owns the journal, this user the other tables
--   otherwise         the owner takes the privileges from itself
-- Roles are of the whole cluster: databases that are made at the same time make them at once.
do $$
declare
  me constant name := current_user;
  mine constant oid := (select oid from pg_roles where rolname = me);
  super constant boolean := (select rolsuper from pg_roles where rolname = me);
  able constant boolean := (select rolsuper or rolcreaterole from pg_roles where rolname = me);
  here constant regnamespace := current_schema()::regnamespace;
  server constant name := case when super then 'kiln_server' else me end;
  keeper constant name := case when super then 'kiln_audit' else left(me, 57) || '_audit' end;
  one record;
begin
  if to_regclass('audit_block') is null then return; end if;
  perform pg_advisory_xact_lock(x'6b696c6f'::int);

  for one in select unnest(array[keeper, server]) as name loop
    continue when not able or exists (select from pg_roles where rolname = one.name);
    begin
      execute format('create role %I nologin', one.name);
    exception when duplicate_object or unique_violation then null;
    end;
  end loop;

  if super then
    if not has_schema_privilege(server, here::oid, 'create') then
      execute format('grant usage, create on schema %s to %I', here, server);
    end if;
    -- A sequence of a column follows its table.
    for one in
      select c.oid::regclass as it from pg_class c
      where c.relnamespace = here and c.relkind in ('r', 'p', 'v', 'm', 'S')
        and c.relowner = mine and c.relname not in ('audit', 'audit_agent', 'audit_block')
        and not exists (select from pg_depend d where d.objid = c.oid and d.deptype in ('a', 'i')
                        and d.classid = 'pg_class'::regclass and c.relkind = 'S')
    loop
      execute format('alter table %s owner to %I', one.it, server);
    end loop;
  end if;

  begin
    if able and exists (select from pg_class
                        where oid = 'audit_block'::regclass and relowner = mine) then
      if not super then execute format('grant %I to %I', keeper, me); end if;
      execute format('grant usage, create on schema %s to %I', here, keeper);
      for one in
        select oid::regprocedure as it from pg_proc
        where pronamespace = here and proname in
          ('audit_offset', 'audit_tx', 'audit_digest', 'audit_hash', 'audit_refuse', 'audit_tidy',
           'audit_rebase')
      loop
        execute format('alter function %s owner to %I', one.it, keeper);
      end loop;
      for one in select unnest(array['audit', 'audit_agent', 'audit_block']) as it loop
        execute format('alter table %I owner to %I', one.it, keeper);
      end loop;
    end if;
  exception when insufficient_privilege or undefined_object then null; -- the owner stays who it is
  end;

  for one in select * from (values
    ('audit', 'at, seq, ver, kind, outcome, type, id, keys, request, detail, content'),
    ('audit_agent', 'key, keys, content'),
    ('audit_block', 'day, n, lo, hi, at, count, agents, digest, agents_digest, hash')
  ) as t(it, columns) loop
    continue when has_column_privilege(server, one.it, split_part(one.columns, ',', 1), 'insert')
      and has_table_privilege(server, one.it, 'select')
      and not has_table_privilege(server, one.it, 'insert, update, delete, truncate');
    execute format('revoke all on %I from %I', one.it, server);
    execute format('grant select, insert (%s) on %I to %I', one.columns, one.it, server);
    execute format('grant execute on function audit_tidy(boolean), audit_rebase() to %I', server);
  end loop;

  if able and not super and exists (
    select from pg_auth_members m
    where m.roleid = (select oid from pg_roles where rolname = keeper)
      and m.member = mine and m.grantor = mine)
  then
    execute format('revoke %I from %I', keeper, me);
  end if;
end $$
