-- Current resources filed under any of these words (canonical urls), newest first. Found through the
-- words alone: most of them are on few resources, while a type may have many.
with named as materialized (
  select seq, rk from search where tok && $1::bigint[]
)
select r.content from named n join resource r on r.rk = n.rk
order by n.seq desc
limit $2
