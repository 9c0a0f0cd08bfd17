"""How long the measurements take beside their peers: one row per target, ratios measured in one run."""

import os

os.environ.setdefault("TQDM_DISABLE", "1")
"""The peers' progress bars; read when tqdm is imported, so it stands here."""
