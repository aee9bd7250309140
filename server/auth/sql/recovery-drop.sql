-- Without a passkey there is nothing to recover.
delete from auth_recovery_code
where user_id = $1 and not exists (select from auth_passkey where user_id = $1)
