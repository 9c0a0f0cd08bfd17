"""Which images an artefact may go into, and which were left out for which reason."""

from __future__ import annotations

from auditlens.stages.base import Stage


class LeftOut(Stage):
    """Images that an artefact was not put into, for one reason."""

    what: str
    """Which images, such as `skin_type: 5 (12), 6 (3)`."""
    why: str
    n_images: int
    by_rule: bool = False
    """True where the spec restricts the artefact (`only`): nothing is then known of it there."""
