select distinct uri
from auth_client, unnest(redirect_uris) uri
where disabled_at is null
