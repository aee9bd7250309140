-- Apps with a token of user $1 that can be used at $2 (unix seconds). What is not offline ends with its
-- session at the latest.
select c.id, c.name, array_agg(distinct g.scope), bool_or(g.offline), bool_or(t.kind = 'R'),
  coalesce(array_agg(distinct g.context ->> 'patient') filter (where g.context ? 'patient'), '{}'),
  extract(epoch from min(g.created_at))::float8,
  extract(epoch from max(
    case when g.offline then t.expires_at else least(t.expires_at, s.expires_at) end
  ))::float8
from auth_grant g
join auth_client c on c.id = g.client_id
join auth_token t on t.grant_id = g.id
left join auth_session s on s.id = g.session_id
where g.user_id = $1 and g.revoked_at is null
  and (g.offline or s.id is null or s.ended_at is null)
  and t.used_at is null and t.revoked_at is null and t.expires_at > to_timestamp($2)
group by c.id, c.name
order by c.name, c.id
