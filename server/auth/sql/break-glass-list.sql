-- A page, the latest first, from behind the one with the grant $1 on; $2: only those that were
-- reviewed (true) or were not (false); $4: only this one.
select b.grant_id::text, b.user_id, b.client_id, b.session_id::text, b.patient, b.reason,
  extract(epoch from b.began_at)::float8, extract(epoch from b.expires_at)::float8,
  extract(epoch from b.ended_at)::float8, extract(epoch from b.reviewed_at)::float8,
  b.reviewed_by, b.outcome, u.name, u.fhir_user, c.name
from auth_break_glass b
left join auth_user u on u.id = b.user_id
left join auth_client c on c.id = b.client_id
where ($1::uuid is null or (b.began_at, b.grant_id) < (
    select last.began_at, last.grant_id from auth_break_glass last where last.grant_id = $1))
  and ($2::boolean is null or (b.reviewed_at is not null) = $2)
  and ($4::uuid is null or b.grant_id = $4)
order by b.began_at desc, b.grant_id desc
limit $3
