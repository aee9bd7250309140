select key, content from audit_agent where key = any($1::bigint[])
