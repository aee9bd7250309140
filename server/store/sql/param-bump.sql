update param_version set version = $1
