select num, name from resource_type
