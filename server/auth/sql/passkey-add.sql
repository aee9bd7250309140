-- $9: the most that a user may have.
insert into auth_passkey
  (id, user_id, name, public_key, counter, transports, synced, created_at)
select $1, $2, $3, $4, $5, $6, $7, to_timestamp($8)
where (select count(*) from auth_passkey where user_id = $2) < $9
on conflict do nothing
returning true
