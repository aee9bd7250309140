update process_slot set params = $2 where owner = $1
