insert into auth_grant (id, client_id, user_id, session_id, scope, context, offline, created_at)
values ($1, $2, $3, $4, $5, $6, $7, to_timestamp($8))
