select version from param_version for update
