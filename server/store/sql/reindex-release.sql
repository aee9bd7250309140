update reindex set owner = null, leased_until = '-infinity' where owner = $1
