"""AuditLens: shortcut audits of image classifiers.

A YAML spec comes in; evidence from inside the model and from artefact insertion is gathered, gates are decided, and a
record with its reports goes out::

    import auditlens as al

    record = al.audit("spec.yaml")
    print(record.verdict.headline)
    record.components  # a pandas frame
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from auditlens.version import __version__

if TYPE_CHECKING:
    from auditlens.api import audit, load_record, set_similarity
    from auditlens.correct.prune import prune
    from auditlens.report.comparison import compare

__all__ = ["__version__", "audit", "compare", "load_record", "prune", "set_similarity"]


def __getattr__(name: str) -> Any:
    """Load the heavy part when it is asked for, so that `import auditlens` stays light."""
    if name in ("audit", "load_record", "set_similarity"):
        from auditlens import api

        return getattr(api, name)
    if name == "compare":
        from auditlens.report.comparison import compare

        return compare
    if name == "prune":
        from auditlens.correct.prune import prune

        return prune
    raise AttributeError(f"module 'auditlens' has no attribute {name!r}")
