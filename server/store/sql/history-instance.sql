-- Versions of one resource, newest first, below version $3.
select * from (
  select id, ver, vid, method, content, patient, rk from resource where rk = $1
  union all
  select id, ver, vid, method, content, patient, rk from history where rk = $1
) v
where v.id = $2 and v.ver < $3
  and v.vid >= $4
  and v.vid <= $5
  and not exists (select 1 from history n where n.rk = v.rk and n.ver = v.ver + 1 and n.vid <= $6)
  and not exists (select 1 from resource n where n.rk = v.rk and n.ver = v.ver + 1 and n.vid <= $6)
order by v.ver desc
limit $7
