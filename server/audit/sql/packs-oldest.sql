-- Packs (pack.ts) that may hold events behind a position, the oldest first. Planned with its values
-- each time, as scan-oldest.sql.
select at::text, seq::text, detail
from audit
where kind = 99
  and at <= $1::bigint
  and (at, seq) > ($2::bigint, $3::bigint)
  and ($4::bigint[] is null or keys && $4::bigint[])
  and ($5::bigint[] is null or keys && $5::bigint[])
  and ($6::bigint[] is null or keys && $6::bigint[])
  and ($7::bigint[] is null or keys && $7::bigint[])
order by at asc, seq asc
limit $8::int
