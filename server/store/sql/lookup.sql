-- What writers need to know of resources before they write: where they stand, or how they ended;
-- with $2 also the text, to tell a change from none.
select k.rk, r.id, r.ver, r.vid, r.method, case when $2 then r.content else '' end,
       r.patient, r.seq, h.id, h.ver, h.vid
from unnest($1::bigint[]) as k(rk)
left join resource r on r.rk = k.rk
left join lateral (
  select id, ver, vid from history where rk = k.rk and r.rk is null order by ver desc limit 1
) h on true
