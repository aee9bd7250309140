select id, version, content, owner, system, code, subject
from auth_app_state
where id = $1
