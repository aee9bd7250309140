-- All keys, the oldest first: the first that is not retired signs.
select kid, public_jwk, private_jwk,
  extract(epoch from created_at)::float8, extract(epoch from retired_at)::float8
from auth_key
order by created_at, kid
