-- Keys other than $1 that retired before $2 (seconds), and with $3 all others.
delete from auth_key where kid <> $1 and (retired_at < to_timestamp($2::float8) or $3::boolean)
