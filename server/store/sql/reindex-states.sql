select r.type, r.done, r.failed, r.total, r.error, r.asked, r.finished,
       case when r.finished is not null then 'finished'
            when r.leased_until > now() then 'running'
            else 'waiting' end,
       array(select p.code from search_param p
             where p.type = r.type and p.version > r.complete order by p.code)
from reindex r
join resource_type t on t.num = r.type
order by t.name
