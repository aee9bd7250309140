select to_char(day, 'YYYY-MM-DD'), n, hash, hi
from audit_block
where day < coalesce($1::date, 'infinity')
order by day desc, n desc
limit 1
