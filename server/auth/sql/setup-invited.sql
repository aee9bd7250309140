-- Uses the invitation $1 up at $2 and sets the password of the invited, who begins anew: passkeys and
-- recovery codes of before end. No row where it cannot be.
with used as (
  update auth_link set used_at = to_timestamp($2)
  where hash = $1 and purpose = 'invite' and used_at is null and expires_at > to_timestamp($2)
  returning details ->> 'user' as id
), passkeys as (
  delete from auth_passkey p using used where p.user_id = used.id
), codes as (
  delete from auth_recovery_code c using used where c.user_id = used.id
)
update auth_user u set password_hash = $3
from used
where u.id = used.id and u.disabled_at is null
returning u.id
