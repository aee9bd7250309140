update auth_session s set ended_at = to_timestamp($2)
from auth_user u
where s.hash = $1 and s.ended_at is null and u.id = s.user_id
returning s.id, u.id, u.name, u.fhir_user
