select audit_rebase()
