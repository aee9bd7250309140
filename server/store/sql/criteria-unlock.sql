delete from criteria_lock where h = any($1::bigint[])
