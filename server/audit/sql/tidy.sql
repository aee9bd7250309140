select audit_tidy($1::boolean)
