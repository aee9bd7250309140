-- Held to the end of the transaction, so that processes do not make keys at the same time.
select pg_advisory_xact_lock(hashtext('kiln.auth_key'))
