"""Evidence and the plan come in; Findings, judged against the spec and each with its interval, go out."""
