import pytest

from auditlens.findings.confrontation import _conclude
from auditlens.stages.findings import Effect, Estimate


def estimate(value, half=0.02):
    return Estimate(value=value, low=value - half, high=value + half)


def effect(raw, beyond):
    made = None if beyond is None else estimate(beyond)
    return Effect(true_class=None, scale="probability", raw=estimate(raw), sham=None, beyond=made, share_raised=0.5)


INSIDE = estimate(0.2)


@pytest.mark.parametrize(
    ("n_components", "raw", "beyond", "conclusion"),
    [
        (3, 0.5, 0.4, "both"),
        (3, -0.5, -0.4, "both"),
        (0, 0.5, 0.4, "behaviour only"),
        (3, 0.5, 0.0, "inside only"),  # the sham explains it
        (3, 0.0, -0.2, "inside only"),  # only the sham acts
        (3, 0.1, -0.2, "inside only"),  # the sham does more, in the same direction
        (0, 0.01, 0.01, "neither"),
        (0, 0.5, None, "behaviour only"),
    ],
)
def test_behaviour_needs_the_artefact_and_not_its_sham(n_components, raw, beyond, conclusion):
    assert _conclude(INSIDE, n_components, effect(raw, beyond)) == conclusion


def test_a_negligible_effect_is_none_however_sure():
    tiny = Estimate(value=0.005, low=0.004, high=0.006)
    found = Effect(true_class=None, scale="probability", raw=tiny, sham=None, beyond=tiny, share_raised=0.5)
    assert _conclude(INSIDE, 1, found) == "inside only"


def test_one_line_of_evidence_is_nothing_to_confront():
    assert _conclude(None, 0, effect(0.5, 0.5)) == "not evaluated"
    assert _conclude(INSIDE, 3, None) == "not evaluated"
