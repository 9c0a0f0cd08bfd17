"""Names that people write for what the spec calls otherwise, or for what there is not: each with what to write instead.

One thing is written in one way, so none of these is taken; but whoever writes one is told the way. An entry for a field
that exists by now, or that points to one which does not, fails the tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditlens.spec.nodes import ANY, Path

Pattern = tuple[str, ...]

_REVIEW: Final = "review keeps one decision for each component, with its reader and reason; nothing more is kept yet"
_ENTER: Final = "an artefact always enters the picture as it was taken, before the preprocessing; leave it out"
_SEED: Final = "one seed serves the whole spec: write seed at its top level"
_HASHED_IDS: Final = "ids of training data are compared salted by data.forbidden_overlap"
_PRIVACY: Final = (
    "no list limits yet which pictures a report shows, and small cells are not suppressed, so a run folder stays where "
    f"the images may be; {_HASHED_IDS}"
)
_LIMIT: Final = 'write limit: "<= x" or limit: ">= x"'

FIELDS: Final[dict[Pattern, str]] = {
    ("privacy",): _PRIVACY,
    ("strata",): "write it under data: data.strata",
    ("sets",): "write it under data: data.sets",
    ("operating_point",): "write decision: {class: ..., threshold: ...}",
    ("model", "examined"): (
        "its fields (architecture, weights, sha256, layers) stand in model itself; the file that ships stays in "
        "model.released"
    ),
    ("model", "equivalence"): (
        "write the largest accepted gap in probability as model.released.tolerance; on how many images the decision "
        "is the same is always measured"
    ),
    ("model", "file"): "the file that ships is model.released.file, weights of an architecture are model.weights",
    ("model", "threshold"): "write decision: {class: ..., threshold: ...}",
    ("data", "privacy"): _PRIVACY,
    ("data", "train"): f"training data are not read; {_HASHED_IDS}",
    ("foundation", "second_opinion"): "write opinions: [{model: ...}] at the top level, each a part like foundation",
    ("concepts", ANY, "words"): "write texts: [...]",
    ("classes", ANY, "allowed"): "write valid: [...]",
    ("classes", ANY, "forbidden"): "write spurious: [...]",
    ("review", "file"): (
        "write include: [FILE] at the top level; the file says review: {model_sha256: ..., components: {...}}"
    ),
    ("review", "readers"): _REVIEW,
    ("review", "blinded"): _REVIEW,
    ("review", "carry_over"): (
        "nothing is carried over yet: a review counts for the model of its model_sha256, whose components were read"
    ),
    ("artefacts", ANY, "enter"): _ENTER,
    ("artefacts", ANY, "seed"): _SEED,
    ("controls", "lesion_erased"): (
        "the lesion is erased wherever the data name a mask, on challenge.erased_images images per class; a gate reads "
        "it by metric: lesion_erased_auroc"
    ),
    ("gates", ANY, "control"): "a control has a metric of its own: metric: lesion_erased_auroc for the erased lesion",
    ("gates", ANY, "max"): _LIMIT,
    ("gates", ANY, "min"): _LIMIT,
    ("gates", ANY, "threshold"): _LIMIT,
    ("gates", ANY, "margin"): "with against, the limit is the margin: " + _LIMIT,
    ("gates", ANY, "subgroup"): "write within: {COLUMN: VALUE}, or each: {subgroup: COLUMN}",
    ("gates", ANY, "baseline"): "write against: NAME, a name of baselines",
    ("report", "title_page"): (
        "there is no title page of your own yet; the first page takes audit.title, audit.owner and report.prepared_by"
    ),
    ("report", "clause_map"): "there are no maps yet; each gate names its clause itself, as gates.NAME.clause",
    ("report", "audience"): "there is one report for all readers, and its first page sums it up; leave it out",
}
"""Field that there is not -> what to write instead."""

_SKIN: Final = "write texture: the same place, size and pixel energy, in the skin's own tone"
_MASK: Final = "write lesion_mask"
_TWO_SIDED: Final = (
    "a gate reads one bound at its confidence, and `within x` reads both, each at it: two-sided at 90 % is "
    "confidence: 0.95 with `within x`"
)

VALUES: Final[dict[Pattern, dict[str, str]]] = {
    ("artefacts", ANY, "sham"): {"same_shape_skin": _SKIN, "skin": _SKIN, "noise": _SKIN},
    ("artefacts", ANY, "avoid"): {"lesion": _MASK, "mask": _MASK},
    ("data", "sets", ANY, "role"): {
        "test": "write sealed",
        "validation": "write development",
        "dev": "write development",
        "train": f"training data are not read; {_HASHED_IDS}",
    },
    ("gates", ANY, "sided"): {"two": _TWO_SIDED, "both": _TWO_SIDED},
    ("gates", ANY, "metric"): {
        "unadjudicated_relevance_share": "write unread_relevance_share",
        "lesion_erased": "write lesion_erased_auroc",
        "auc": "write auroc",
        "recall": "write sensitivity",
        "flips": "write decision_flips, or flip_rate for changes whatever the direction",
        "accuracy": "write sensitivity and specificity, one gate each",
    },
}
"""Value that a field does not take -> what to write instead."""


def instead(path: Path) -> str | None:
    """Say what to write instead of a field that there is not; None where nobody has asked before."""
    return next((told for pattern, told in FIELDS.items() if _fits(path, pattern)), None)


def instead_of(path: Path, value: object) -> str | None:
    """Say what to write instead of a value that a field does not take; None where nobody has asked before."""
    return next((told[value] for told in _tables(path) if isinstance(value, str) and value in told), None)


def _tables(path: Path) -> Iterator[dict[str, str]]:
    return (table for pattern, table in VALUES.items() if _fits(path, pattern))


def _fits(path: Path, pattern: Pattern) -> bool:
    return len(path) == len(pattern) and all(step in (ANY, key) for key, step in zip(path, pattern, strict=True))
