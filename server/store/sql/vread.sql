select id, ver, vid, method, content from resource where rk = $1 and ver = $2
union all
select id, ver, vid, method, content from history where rk = $1 and ver = $2
