-- What goes on already in session $1 for client $2 and patient $3 at $4 (seconds). $5: the scope of
-- its grant; null: in a launch that has no grant yet.
select b.grant_id::text, b.user_id, b.client_id, b.session_id::text, b.patient, b.reason,
  extract(epoch from b.began_at)::float8, extract(epoch from b.expires_at)::float8
from auth_break_glass b
left join auth_grant g on g.id = b.grant_id
where b.session_id = $1 and b.client_id = $2 and b.patient = $3
  and b.ended_at is null and b.expires_at > to_timestamp($4)
  and case when $5::text is null then g.id is null
    else g.scope = $5 and g.revoked_at is null end
order by b.began_at
limit 1
