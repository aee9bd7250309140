-- Ids of what resource $1 refers to by the parameter with salt $2, and what that refers to, and so on:
-- a word of a row XOR the salt is a row key if the word is such a reference, and else next to nothing's;
-- row keys end in three zeros.
with recursive tree(rk) as (
  select $1::bigint
  union
  select p.rk
  from tree t
  cross join lateral (
    select q.rk
    from resource o
    join search s on s.type = o.type and s.seq = o.seq
    cross join unnest(s.tok) w(word)
    join resource q on q.rk = w.word # $2::bigint and q.type = o.type
    where o.rk = t.rk and (w.word # $2::bigint) & 7 = 0
    offset 0
  ) p
)
select r.id from (select rk from tree limit $3) t
cross join lateral (select id from resource where rk = t.rk offset 0) r
