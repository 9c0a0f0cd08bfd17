"""What was loaded comes in; the PlannedRun goes out: stages, passes, cost, what is cached, what n can decide."""
