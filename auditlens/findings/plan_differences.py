"""What was not the same in two or more audits, from their plans and specs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from auditlens.findings.decision import OperatingPoint
from auditlens.stages.comparison import PlanDifference
from auditlens.stages.record import AuditRecord

NOTHING: Final = "-"
LONGEST: Final = 80
MOST_SETTINGS: Final = 40
EXPECTED_SECTIONS: Final = ("audit", "report", "waivers")
"""Sections of the spec that name an audit and do not change what is measured."""
OWN_ROWS: Final = ("model", "data", "foundation", "decision", "seed", "opinions")
"""Sections whose content is compared as the plan resolved it."""


def _decision(record: AuditRecord) -> str:
    return OperatingPoint.of(record.plan.model).sentence


def _foundation(record: AuditRecord) -> str:
    model = record.plan.foundation
    return NOTHING if model is None else f"{model.model} {(model.sha256 or '')[:12]}".strip()


def _released(record: AuditRecord) -> str:
    released = record.plan.model.released
    return NOTHING if released is None else f"{released.format}, {released.runtime}"


ROWS: Final[tuple[tuple[str, Callable[[AuditRecord], object], bool, str], ...]] = (
    ("weights", lambda record: (record.plan.model.identity_sha256 or NOTHING)[:12], True, ""),
    (
        "architecture",
        lambda record: record.plan.model.architecture,
        False,
        "components of different networks have nothing to do with each other; only their shares compare",
    ),
    ("classes", lambda record: ", ".join(record.plan.model.classes), False, "only classes of the same name compare"),
    (
        "operating point",
        _decision,
        False,
        "sensitivity, specificity, accuracy and decisions that turn are each read at the model's own threshold",
    ),
    ("preprocessing", lambda record: record.plan.model.preprocessing, False, "the models see the images otherwise"),
    (
        "examined layers",
        lambda record: ", ".join(record.plan.model.layers) or NOTHING,
        False,
        "shares of relevance are of different layers",
    ),
    ("silenced components", lambda record: ", ".join(record.plan.model.silenced) or NOTHING, True, ""),
    ("file that ships", _released, False, ""),
    (
        "images",
        lambda record: f"{record.plan.data.n_images} images, {record.plan.data.sha256[:12]}",
        False,
        "other images, labels, patients or flags: nothing is paired where the images differ",
    ),
    (
        "foundation model",
        _foundation,
        False,
        "concepts are seen otherwise, so labels and shares by label differ for that reason too",
    ),
    ("seed", lambda record: record.plan.seed, False, "artefacts are put elsewhere and random sets are others"),
    (
        "attribution",
        lambda record: next((row.value for row in record.plan.methods if row.name == "relevance"), NOTHING),
        False,
        "relevance is measured otherwise",
    ),
    (
        "AuditLens",
        lambda record: record.environment.auditlens,
        False,
        "another version may draw or measure otherwise",
    ),
    (
        "machine",
        lambda record: f"{record.plan.device}, {record.plan.n_threads} threads, batches of {record.plan.batch_size}",
        False,
        "last digits may differ",
    ),
)
"""What is compared: name, how it reads in a record, whether models are expected to differ in it, what follows."""


def plan_differences(records: Sequence[AuditRecord]) -> tuple[PlanDifference, ...]:
    """List what differs: the plan's own rows first, then settings of the spec by path."""
    found = []
    for what, read, expected, consequence in ROWS:
        values = tuple(_short(read(record)) for record in records)
        if len(set(values)) > 1:
            found.append(PlanDifference(what=what, values=values, expected=expected, consequence=consequence))
    return (*found, *_settings(records))


def _settings(records: Sequence[AuditRecord]) -> list[PlanDifference]:
    """Settings of the spec that differ, but for those that the plan's rows show."""
    flat = [dict(_flattened(record.spec)) for record in records]
    paths = sorted({path for one in flat for path in one})
    found = []
    for path in paths:
        section = path.partition(".")[0]
        values = tuple(_short(one.get(path, NOTHING)) for one in flat)
        if section not in OWN_ROWS and len({json.dumps(one.get(path), sort_keys=True) for one in flat}) > 1:
            found.append(PlanDifference(what=path, values=values, expected=section in EXPECTED_SECTIONS))
    if len(found) <= MOST_SETTINGS:
        return found
    n_more = len(found) - MOST_SETTINGS
    more = PlanDifference(what=f"{n_more} more settings", values=("",) * len(records), expected=False)
    return [*found[:MOST_SETTINGS], more]


def _flattened(value: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for name, part in value.items():
        path = f"{prefix}{name}"
        pairs += _flattened(part, f"{path}.") if isinstance(part, Mapping) and part else [(path, part)]
    return pairs


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"
