-- All of user $1 but the one with the id $3, if it is given.
update auth_session s set ended_at = to_timestamp($2)
from auth_user u
where s.user_id = $1 and s.ended_at is null and s.id is distinct from $3::uuid and u.id = s.user_id
returning s.id, u.id, u.name, u.fhir_user
