-- The words of texts under one of the keys $1 that begin with one of $2 (the range ends before $3).
select distinct d.h
from unnest($2::text[], $3::text[]) as p(first, behind)
join word_text d on d.k = any($1::bigint[]) and d.v >= p.first and d.v < p.behind
limit $4
