select name from unnest($1::text[]) as asked (name)
where not exists (select from auth_role r where r.name = asked.name)
