"""What a run used is known again by runs with the same settings and sets only."""

from dataclasses import replace

import pytest

from auditlens.gather.traces import find_trace, keep_trace
from auditlens.stages.sets import PlannedSet, PlannedSets, SetRole


def sets(sha256, use="observability"):
    counts = {"source": "x", "n_images": 1, "n_units": 1, "unit_column": None}
    row = PlannedSet(name="atlas", role=SetRole.OBSERVABILITY, uses=(use,), sha256=sha256, **counts)
    return PlannedSets(audited="test", role=SetRole.SEALED, sets=(row,))


@pytest.mark.parametrize(
    ("then", "now", "known"),
    [
        (sets("0"), sets("0"), True),
        (sets("0"), sets("1"), False),
        (sets("0"), PlannedSets(), False),
        (sets("0", "compared"), sets("1", "compared"), True),
    ],
)
def test_what_labels_depend_on_is_in_the_key(make_context, then, now, known):
    context = make_context()
    keep_trace(replace(context, sets=then))
    assert (find_trace(replace(context, sets=now)) is not None) is known


def test_the_columns_within_which_concepts_are_seen_are_in_the_key(make_context):
    context = make_context()
    keep_trace(context)
    spec = context.spec.model_copy(update={"data": context.spec.data.model_copy(update={"within": ("site",)})})
    assert find_trace(context) is not None
    assert find_trace(replace(context, spec=spec)) is None
