-- All of user $1 but the one with the id $3, if it is given.
update auth_session set ended_at = to_timestamp($2)
where user_id = $1 and ended_at is null and id is distinct from $3::uuid
returning id
