-- All other keys sign until $2 (seconds), unless they were to end sooner.
update auth_key
set retired_at = least(retired_at, to_timestamp($2::float8))
where kid <> $1
