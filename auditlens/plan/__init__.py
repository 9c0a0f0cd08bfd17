"""AuditSpec and what was found on disk come in; the AuditPlan, with every gate expanded, goes out."""
