update process_slot set owner = null, leased_until = '-infinity' where slot = $1 and owner = $2
