-- A new secret in place of the old one, where the client has secrets at all.
update auth_client set secret_hash = $2 where id = $1 and auth = 'secret'
