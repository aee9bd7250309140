-- Holds criteria until the end of the transaction; a row that another writer has meanwhile removed
-- is simply made again. In key order, so that two writers never wait for each other in a ring.
insert into criteria_lock (h)
select h from unnest($1::bigint[]) as c(h) order by h
on conflict (h) do update set h = excluded.h
