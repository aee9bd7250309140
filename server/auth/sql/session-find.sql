-- The session of cookie $1 at $2 (unix seconds), unless it was idle for $3 seconds.
select s.id, s.methods, extract(epoch from s.signed_in)::float8,
  extract(epoch from s.seen_at)::float8,
  u.id, u.login, u.name, u.fhir_user, u.roles, u.branches
from auth_session s
join auth_user u on u.id = s.user_id
where s.hash = $1 and s.ended_at is null and s.expires_at > to_timestamp($2)
  and s.seen_at > to_timestamp($2) - make_interval(secs => $3)
  and u.disabled_at is null
