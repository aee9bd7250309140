-- The pack that may hold the event $2 of time $1: of one process (bits 12 to 19 of seq) they follow
-- each other, and each spans a second at most.
select at::text, seq::text, detail
from audit
where kind = 99
  and at >= $1::bigint - 1000
  and (at, seq) <= ($1::bigint, $2::bigint)
  and ((seq >> 12) & 255) = (($2::bigint >> 12) & 255)
order by at desc, seq desc
limit 1
