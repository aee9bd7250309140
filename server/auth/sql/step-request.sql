update auth_request
set step = $2
where hash = $1 and used_at is null
