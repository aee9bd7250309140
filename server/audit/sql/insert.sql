-- Events, any number. tx is left to its default: nobody but the owner may name it.
insert into audit (at, seq, ver, kind, outcome, type, id, keys, request, detail)
select at, seq, ver, kind, outcome, type, id, keys::bigint[], request, detail
from unnest($1::bigint[], $2::bigint[], $3::int[], $4::int2[], $5::int2[], $6::int2[],
            $7::text[], $8::text[], $9::text[], $10::text[])
  as e(at, seq, ver, kind, outcome, type, id, keys, request, detail)
