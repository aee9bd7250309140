update auth_session set ended_at = to_timestamp($3)
where id = $1::uuid and user_id = $2 and ended_at is null
returning id
