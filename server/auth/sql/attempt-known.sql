select from auth_attempt where key = $1 and since > to_timestamp($2) - make_interval(secs => $3)
