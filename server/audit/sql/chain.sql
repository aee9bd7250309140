-- Appends one block over what is final and not chained yet: below every transaction under way. Ends
-- before the transaction of row $1 + 1, if there are so many. No row where there is nothing to chain.
-- The snapshot must be younger than the lock of chain-lock.sql: a statement of its own.
with last as (
  select day, n, hi, hash from audit_block order by day desc, n desc limit 1
), reach as (
  select coalesce((select hi from last), 0) as lo,
         pg_snapshot_xmin(pg_current_snapshot())::text::bigint + audit_offset() as hi
), edge as materialized (
  select lo, coalesce(
    (select case when cut > first then cut else cut + 1 end
     from (select min(a.tx) as first from audit a where a.tx >= lo and a.tx < hi) f,
          (select a.tx as cut from audit a where a.tx >= lo and a.tx < hi
           order by a.tx offset $1::int limit 1) c),
    hi) as hi
  from reach
), block as (
  select (block).*
  from (
    select row(
      greatest(today, l.day), case when l.day >= today then l.n + 1 else 1 end, e.lo, e.hi,
      (extract(epoch from clock_timestamp()) * 1000)::bigint, d.count, d.agents, d.digest,
      d.agents_digest, null
    )::audit_block as block
    from edge e
    cross join (select (clock_timestamp() at time zone 'UTC')::date as today) t
    cross join lateral audit_digest(e.lo, e.hi) d
    left join last l on true
    where d.count + d.agents > 0
  ) b
), added as (
  insert into audit_block (day, n, lo, hi, at, count, agents, digest, agents_digest, hash)
  select day, n, lo, hi, at, count, agents, digest, agents_digest,
         audit_hash(coalesce((select hash from last), ''), block::audit_block)
  from block
  returning day, n, hi, count, hash
)
select to_char(a.day, 'YYYY-MM-DD'), a.n, a.count, encode(a.hash, 'hex'),
       to_char(l.day, 'YYYY-MM-DD'), l.n, encode(l.hash, 'hex'), a.hi < r.hi
from added a
cross join reach r
left join last l on true
