select at, seq, kind, outcome, type, ver, id, keys, request, detail, content
from audit
where id = $1::text and content is not null
