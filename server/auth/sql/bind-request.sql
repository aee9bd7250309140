-- A request that came by POST belongs to the first browser that shows its handle.
update auth_request
set browser = $2
where hash = $1 and browser = '' and used_at is null
