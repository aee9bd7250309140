update process_slot
set leased_until = now() + make_interval(secs => $3)
where slot = $1 and owner = $2 and leased_until >= now()
returning slot
