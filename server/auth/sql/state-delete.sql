delete from auth_app_state where id = $1 and version = $2
