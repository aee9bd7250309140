-- Planned with its values each time: a condition that is null is none, and how frequent the keys are
-- decides between their index and the order of the primary key. ($2, $3) is the only bound on its
-- side: with a second one the index is read from the looser of the two.
select at, seq, kind, outcome, type, ver, id, keys, request, detail, content
from audit
where at <= $1::bigint
  and (at, seq) > ($2::bigint, $3::bigint)
  and kind <> 99
  and ($4::bigint[] is null or keys && $4::bigint[])
  and ($5::bigint[] is null or keys && $5::bigint[])
  and ($6::bigint[] is null or keys && $6::bigint[])
  and ($7::int2[] is null or kind = any($7::int2[]))
  and ($8::int2[] is null or outcome = any($8::int2[]))
order by at asc, seq asc
limit $9::int
