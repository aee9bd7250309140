-- The next resources of a type, at most $3 of them and about $4 bytes: the length of a stored text is
-- known without reading it.
select r.rk, r.id, r.ver, r.vid, r.seq, r.method, r.content
from (
  select s.seq, c.rk, sum(octet_length(c.content)) over (order by s.seq) - octet_length(c.content)
         as before
  from (select rk, seq from search where type = $1 and seq > $2 order by seq limit $3) s
  join resource c on c.rk = s.rk
) p
join resource r on r.rk = p.rk
where p.before < $4
order by r.seq
