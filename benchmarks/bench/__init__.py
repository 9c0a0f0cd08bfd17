"""How long the measurements take beside their peers: one row per target, ratios measured in one run."""
