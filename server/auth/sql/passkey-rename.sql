update auth_passkey set name = $3 where id = $1 and user_id = $2 returning true
