"""What decides the pictures of an artefact's trials, as one digest: equal digests and rows show equal pixels."""

from __future__ import annotations

import hashlib

from auditlens.gather.context import Context
from auditlens.gather.trials import pictures_digest
from auditlens.stages.base import canonical_json
from auditlens.version import __version__

ABOUT = {"label", "column", "clean_of", "clean_by", "only", "reason", "source"}
"""Fields of an artefact that say where it is used and what it is called, not how it looks."""


def picture_digests(context: Context) -> dict[str, str]:
    """Digest of each artefact: its fields, its files, the seed, the window of the data and the tool's version."""
    return {name: _digest(context, name) for name in context.spec.artefacts}


def _digest(context: Context, name: str) -> str:
    artefact, window = context.spec.artefacts[name], context.spec.data.window
    parts = {
        "name": name,
        "artefact": artefact.model_dump(mode="json", exclude=ABOUT),
        "files": pictures_digest(context, name),
        "seed": context.spec.seed,
        "window": window,
        "version": __version__,
    }
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()
