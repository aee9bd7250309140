-- Another text after any change of a role, also where clocks or commits were out of order.
select md5(string_agg(name || ' ' || extract(epoch from updated_at), ',' order by name))
from auth_role
