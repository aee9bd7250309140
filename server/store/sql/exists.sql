select rk from resource where rk = any($1::bigint[])
