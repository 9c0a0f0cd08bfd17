"""Tables that are not those of the record they stand beside."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from auditlens.baselines.read import fits
from auditlens.stages.answers import ErasedAnswers, RelevanceAnswers
from auditlens.stages.findings import Estimate
from auditlens.stages.states import ComponentState

IMAGES, UNITS = np.array([f"{n}.png" for n in range(40)]), np.arange(40)
LABELS = np.array(["melanoma", "benign"] * 20)
SHARES = np.linspace(0.1, 0.5, 40)


def class_row(layer: str, value: float) -> Any:
    share = Estimate(value=value)
    return SimpleNamespace(layer=layer, class_name="melanoma", share_by_state={ComponentState.SPURIOUS: share})


def record(*, inside: float = 0.3, earlier: float = 0.3, erased: float | None = 1.0) -> Any:
    """What the tables below give, or something else."""
    erasure = SimpleNamespace(class_name="melanoma", erased=Estimate(value=erased))
    findings = SimpleNamespace(
        classes=(class_row("late", inside),),
        classes_by_layer=(class_row("early", earlier), class_row("late", inside)),
        erasures=(erasure,),
        performance=None,
        artefacts=(),
    )
    return SimpleNamespace(findings=findings, plan=SimpleNamespace(model=SimpleNamespace(decision_class="melanoma")))


def answers(**more: Any) -> Any:
    relevance = {
        (layer, "melanoma"): RelevanceAnswers(
            layer, "melanoma", "lrp", IMAGES, UNITS, {"spurious_relevance_share": SHARES}
        )
        for layer in ("early", "late")
    }
    scores = np.where(LABELS == "melanoma", 0.9, 0.1)
    erased = {"melanoma": ErasedAnswers("melanoma", IMAGES, LABELS, UNITS, np.full(40, 0.2), scores)}
    return SimpleNamespace(**({"clean": {}, "trials": {}, "relevance": relevance, "erased": erased} | more))


def test_the_tables_of_the_record_fit() -> None:
    assert fits(record(), answers())


@pytest.mark.parametrize("other", [{"inside": 0.2}, {"earlier": 0.2}, {"erased": 0.6}])
def test_tables_that_give_other_numbers_do_not_fit(other: Any) -> None:
    assert not fits(record(**other), answers())


@pytest.mark.parametrize("table", ["relevance", "erased"])
def test_an_empty_table_does_not_fit_and_an_old_folder_has_none(table: str) -> None:
    assert not fits(record(), answers(**{table: {}}))
    assert fits(record(), answers(**{table: None}))
