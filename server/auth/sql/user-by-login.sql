select u.id, u.login, u.name, u.fhir_user, u.roles, u.branches,
  u.password_hash, u.disabled_at is not null, u.issuer, u.subject
from auth_user u
where u.login = $1
