-- $4: now, $5: when it ends, $8: when they proved who they are (unix seconds), $9: browser and system. No row where the user has been disabled meanwhile.
insert into auth_session
  (hash, id, user_id, methods, signed_in, seen_at, expires_at, issuer, idp_session, device)
select $1, $10::uuid, u.id, $3::text[], to_timestamp($8), to_timestamp($4), to_timestamp($5), $6, $7, $9
from auth_user u
where u.id = $2 and u.disabled_at is null
for share of u
returning id
