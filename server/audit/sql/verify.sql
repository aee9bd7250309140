-- Blocks behind ($1, $2) up to day $3, each with what its rows come to now. $4: hash of that block.
select to_char(b.day, 'YYYY-MM-DD'), b.n, b.lo, b.hi, b.count, b.agents, d.count, d.agents,
       b.digest = d.digest, b.agents_digest = d.agents_digest,
       b.hash = audit_hash(lag(b.hash, 1, $4::bytea) over (order by b.day, b.n), b.block), b.hash
from (
  select *, audit_block as block
  from audit_block
  where (day, n) > ($1::date, $2::int) and day <= coalesce($3::date, 'infinity')
  order by day, n
  limit $5::int
) b
cross join lateral audit_digest(b.lo, b.hi) d
order by b.day, b.n
