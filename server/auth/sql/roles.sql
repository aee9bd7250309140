select name, title, rules, shipped
from auth_role
order by name
