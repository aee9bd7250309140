update reindex
set position = $4, done = done + $5, failed = failed + $6, error = coalesce(error, $7),
    leased_until = now() + make_interval(secs => $8)
where type = $1 and owner = $2 and round = $3
returning type
