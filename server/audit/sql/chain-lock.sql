select pg_try_advisory_xact_lock(x'6b696c61'::int)
