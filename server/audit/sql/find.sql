select at, seq, kind, outcome, type, ver, id, keys, request, detail, content
from audit
where at = $1::bigint and seq = $2::bigint and content is null and kind <> 99
