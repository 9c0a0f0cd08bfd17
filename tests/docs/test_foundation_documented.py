"""Every kind of foundation model and every source of a probe stands in docs/foundation.md."""

from pathlib import Path
from typing import get_args

import pytest

from auditlens.examine.weights import ExampleWeights
from auditlens.semantics.columns import FEWEST_UNITS, N_FOLDS
from auditlens.semantics.text_image import HUB, LOCAL
from auditlens.semantics.timm_encoder import TIMM
from auditlens.spec.model import Examine, ProbeSource

TEXT = (Path(__file__).parents[2] / "docs" / "foundation.md").read_text(encoding="utf-8")
NUMBERS = {5: "five"}


@pytest.mark.parametrize("prefix", [LOCAL, HUB, TIMM])
def test_every_kind_of_foundation_model(prefix):
    assert f"`{prefix}" in TEXT


@pytest.mark.parametrize("source", get_args(ProbeSource))
def test_every_source_of_a_probe(source):
    assert f"| `{source}` |" in TEXT


def test_every_way_to_weigh_examples():
    assert set(get_args(ExampleWeights)) == set(get_args(Examine.model_fields["example_weights"].annotation))
    for how in get_args(ExampleWeights):
        assert how in TEXT


def test_the_numbers_are_those_of_the_code():
    assert f"{NUMBERS[N_FOLDS]} folds of units" in TEXT
    assert f"Fewer than {NUMBERS[FEWEST_UNITS]} units" in TEXT
