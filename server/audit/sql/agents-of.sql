select key from audit_agent where keys && $1::bigint[] order by key
