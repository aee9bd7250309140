-- Current versions by key, for any number of readers at once.
select rk, id, ver, vid, method, content, patient from resource where rk = any($1::bigint[])
