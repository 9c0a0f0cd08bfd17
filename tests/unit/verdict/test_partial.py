"""A tier or a selection never releases, and says so."""

from datetime import date

import pytest

from auditlens.stages.findings import Findings
from auditlens.verdict import decide
from tests.unit.verdict.test_decide import plan_for, spec

GATES = {"works": {"metric": "sensitivity", "limit": ">= 0.5"}}
EMPTY = Findings(
    performance=None, concepts=(), components=(), classes=(), artefacts=(), confrontations=(), controls=(),
    gate_estimates={}, not_evaluated=(),
)  # fmt: skip


def verdict(tier=None, selection=(), **tiers):
    audit = spec(GATES)
    audit = audit.model_validate(audit.model_dump(by_alias=True, exclude={"include"}) | {"tiers": tiers})
    plan = plan_for(audit).model_copy(update={"tier": tier, "selection": tuple(selection)})
    return decide(audit, plan, EMPTY, date(2026, 11, 26))


def test_nothing_bars_a_whole_spec():
    found = verdict()
    assert not found.barred
    assert not found.notes
    assert "(" not in found.headline


@pytest.mark.parametrize(
    ("tier", "why"),
    [
        ({"sample": 60}, "it looks at 60 images at most"),
        ({"gates": ("works",)}, "it runs the gates works alone"),
        ({"never_releases": True}, "the spec says so"),
    ],
)
def test_a_tier_that_sees_less_never_releases(tier, why):
    found = verdict("pr", pr=tier)
    assert found.barred
    assert found.notes == (f"The tier pr never releases: {why}.",)
    assert found.headline.endswith("(tier pr, no release)")


def test_nothing_bars_a_tier_that_runs_everything():
    found = verdict("release", release={})
    assert not found.barred
    assert found.headline.endswith("(tier release)")


def test_a_selection_never_releases():
    found = verdict(selection=["--select gate=works"])
    assert found.barred
    assert "--select gate=works" in found.notes[0]
    assert found.headline.endswith("(selected gates only, no release)")
