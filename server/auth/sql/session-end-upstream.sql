-- Those that came from session $2 of the identity provider $1; without $2, all of its subject $3.
-- Where both are given, the session has to be the subject's.
update auth_session s set ended_at = to_timestamp($4)
from auth_user u
where u.id = s.user_id and s.issuer = $1 and s.ended_at is null
  and ($2::text is null or s.idp_session = $2)
  and ($3::text is null or (u.issuer = $1 and u.subject = $3))
  and ($2::text is not null or $3::text is not null)
returning s.id, u.id, u.name, u.fhir_user
