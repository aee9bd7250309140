delete from search_param p using unnest($1::int2[], $2::text[]) as d(type, code)
where p.type = d.type and p.code = d.code
