"""From a YAML file and its libraries comes an `AuditSpec`, checked, with the place of every field."""
