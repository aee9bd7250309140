-- Locks all rows that a transaction will change, in key order, before it changes the first.
select rk from resource where rk = any($1::bigint[]) order by rk for update
