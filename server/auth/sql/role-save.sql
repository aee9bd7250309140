insert into auth_role (name, title, rules, shipped, updated_at)
values ($1, $2, $3, $4, to_timestamp($5))
on conflict (name) do update
set title = excluded.title,
    rules = excluded.rules,
    shipped = excluded.shipped,
    updated_at = greatest(excluded.updated_at, auth_role.updated_at + interval '1 microsecond')
