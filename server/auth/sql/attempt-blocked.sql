-- How many seconds the key $1 still has to wait at $2.
select extract(epoch from blocked_to - to_timestamp($2))::float8
from auth_attempt
where key = $1 and blocked_to > to_timestamp($2)
