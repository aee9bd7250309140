update auth_session set ended_at = to_timestamp($2)
where hash = $1 and ended_at is null
returning id
