update auth_user set disabled_at = null where id = $1
