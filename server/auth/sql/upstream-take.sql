update auth_link set used_at = to_timestamp($3)
where hash = $1 and purpose = 'upstream' and details ->> 'browser' = $2
  and used_at is null and expires_at > to_timestamp($3)
returning details
