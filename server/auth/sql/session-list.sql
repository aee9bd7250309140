-- Sessions of user $1 that are alive at $2 (unix seconds), idle for $3 seconds at most.
select id, methods, device, extract(epoch from signed_in)::float8, extract(epoch from seen_at)::float8
from auth_session
where user_id = $1 and ended_at is null and expires_at > to_timestamp($2)
  and seen_at > to_timestamp($2) - make_interval(secs => $3)
order by seen_at desc
limit 50
