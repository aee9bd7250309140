-- Apps with a token of user $1 that can be used at $2 (unix seconds).
select c.id, c.name, array_agg(distinct g.scope), bool_or(g.offline),
  extract(epoch from min(g.created_at))::float8
from auth_grant g
join auth_client c on c.id = g.client_id
left join auth_session s on s.id = g.session_id
where g.user_id = $1 and g.revoked_at is null
  and (g.offline or s.id is null or s.ended_at is null)
  and exists (
    select from auth_token t
    where t.grant_id = g.id and t.used_at is null and t.revoked_at is null
      and t.expires_at > to_timestamp($2)
  )
group by c.id, c.name
order by c.name, c.id
