-- Disables a client from $2 (seconds) on, or enables it again where $2 is null.
update auth_client set disabled_at = to_timestamp($2::float8) where id = $1
