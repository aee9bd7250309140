-- A counter has to grow with each use (WebAuthn 7.2 step 22), where the passkey has one: of two uses
-- with one count the second finds no row.
update auth_passkey p set counter = $2, used_at = to_timestamp($3)
from auth_user u
where p.id = $1 and u.id = p.user_id and u.disabled_at is null
  and (p.counter < $2 or (p.counter = 0 and $2 = 0))
returning true
