-- When that happened what others made and was stored between two version keys, unix ms; nulls if none.
select min(at), max(at) from audit
where content is not null and seq >= $1::bigint and seq < $2::bigint
