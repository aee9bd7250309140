select p.type, p.code, p.id, p.version, p.def, coalesce(r.complete, 0) >= p.version
from search_param p left join reindex r on r.type = p.type
order by p.type, p.code
