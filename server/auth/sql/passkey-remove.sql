-- $3: whether the last one may go.
delete from auth_passkey p
where p.id = $1 and p.user_id = $2
  and ($3 or exists (select from auth_passkey o where o.user_id = p.user_id and o.id <> p.id))
returning p.name
