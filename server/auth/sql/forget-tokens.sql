select pg_notify('kiln_tokens', '')
