select s.purpose, u.id, u.login, u.name, u.fhir_user, u.roles, u.branches
from auth_sign_in s
join auth_user u on u.id = s.user_id and u.disabled_at is null
where s.hash = $1 and s.browser = $2 and s.used_at is null and s.expires_at > to_timestamp($3)
