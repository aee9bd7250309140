-- A user's grant ends with its session unless it is offline. Access tokens outlast a session that
-- merely ran out, refresh tokens do not. Nothing outlasts a grant that has an end of its own.
select t.kind, t.scope,
  extract(epoch from t.issued_at)::float8, extract(epoch from t.expires_at)::float8,
  t.used_at is not null,
  t.revoked_at is null and g.revoked_at is null
    and c.disabled_at is null and u.disabled_at is null
    and (g.expires_at is null or g.expires_at > to_timestamp($2))
    and (g.offline or s.id is null
      or s.ended_at is null and (t.kind = 'A' or s.expires_at > to_timestamp($2))),
  g.id::text, g.client_id, g.user_id, g.session_id::text, g.scope, g.context, g.offline,
  extract(epoch from g.expires_at)::float8,
  u.id, u.login, u.name, u.fhir_user, u.roles, u.branches
from auth_token t
join auth_grant g on g.id = t.grant_id
join auth_client c on c.id = g.client_id
left join auth_user u on u.id = g.user_id
left join auth_session s on s.id = g.session_id
where t.hash = $1
