-- Another process may be giving the same numbers at this moment: the caller looks what came of it.
insert into resource_type (num, name)
select (select coalesce(max(num), 0) from resource_type) + row_number() over (order by name), name
from unnest($1::text[]) as t(name)
where name not in (select name from resource_type)
on conflict do nothing
