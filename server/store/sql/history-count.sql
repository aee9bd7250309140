select (select count(*) from resource where rk = $1 and id = $2)
     + (select count(*) from history where rk = $1 and id = $2)
