-- Roles as they come with the server: new ones, and those that nobody has changed.
insert into auth_role (name, title, rules, shipped, updated_at)
select name, title, rules, true, to_timestamp($2)
from jsonb_to_recordset($1::jsonb) as role(name text, title text, rules jsonb)
on conflict (name) do update
set title = excluded.title,
    rules = excluded.rules,
    updated_at = greatest(excluded.updated_at, auth_role.updated_at + interval '1 microsecond')
where auth_role.shipped
  and (auth_role.title, auth_role.rules) is distinct from (excluded.title, excluded.rules)
