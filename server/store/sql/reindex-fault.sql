update reindex set error = $2 where owner = $1
