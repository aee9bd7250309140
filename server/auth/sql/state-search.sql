-- In the order in which they were last changed; ids tell apart what came together.
select id, version, content
from auth_app_state
where owner = $1 and system = $2 and code = $3 and subject = $4
order by updated_at, id
