delete from auth_attempt where key = any($1)
