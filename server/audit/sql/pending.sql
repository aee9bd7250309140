select coalesce(sum(case when kind = 99 then ver else 1 end), 0)::int
from audit where tx >= $1::bigint
