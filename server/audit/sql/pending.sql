select count(*)::int from audit where tx >= $1::bigint
