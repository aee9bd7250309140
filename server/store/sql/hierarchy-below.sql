-- Ids of what refers to resource $1 by the parameter with salt $2, to those that do, and so on. union
-- leaves out what was met before, so circles end. One look into the token index per resource: offset 0
-- keeps the planner from reading the table instead. The parameter's salt says the type.
with recursive tree(rk) as (
  select $1::bigint
  union
  select s.rk
  from tree t
  cross join lateral (
    select c.rk from search c where c.tok @> array[t.rk # $2::bigint] offset 0
  ) s
)
select r.id from (select rk from tree limit $3) t
cross join lateral (select id from resource where rk = t.rk offset 0) r
