"""Which components of a record are pruned, and what is said of the rest."""

from types import SimpleNamespace

import pytest

from auditlens.errors import InputError
from auditlens.findings.pruning import named_choices, pruning_warnings, responding_choices, spurious_choices
from auditlens.stages.states import ComponentState
from tests.unit.report.synthetic_record import make_record
from tests.unit.report.test_response import finding

SPURIOUS, BOTH = ComponentState.SPURIOUS, ComponentState.BOTH


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    return make_record(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def two_sided(record):
    """The same audit of a layer that is not rectified."""
    n = record.plan.model.n_components["features.18"]
    model = record.plan.model.model_copy(update={"n_channels": {"features.18": n // 2}})
    return record.model_copy(update={"plan": record.plan.model_copy(update={"model": model})})


def ids(record, state, class_name="melanoma"):
    return {row.id for row in record.findings.components if (row.state, row.class_name) == (state, class_name)}


def test_all_that_the_record_calls_spurious_for_the_class(record):
    found = spurious_choices(record, "melanoma", [SPURIOUS])
    assert {choice.id for choice in found} == ids(record, SPURIOUS) != set()
    assert all(any(row.state is SPURIOUS for row in choice.judged) for choice in found)
    with_both = spurious_choices(record, "melanoma", [SPURIOUS, BOTH])
    assert {choice.id for choice in with_both} == ids(record, SPURIOUS) | ids(record, BOTH)


def test_named_ones_in_the_order_of_channels_each_once(record):
    found = named_choices(record, ["features.18:7", "features.18:3", "features.18:7"])
    assert [(choice.id, choice.index) for choice in found] == [("features.18:3", 3), ("features.18:7", 7)]


def test_the_minus_sign_is_the_negative_side(two_sided):
    n = two_sided.plan.model.n_channels["features.18"]
    found = named_choices(two_sided, ["features.18:3-", "features.18:3"])
    assert [(choice.id, choice.index) for choice in found] == [("features.18:3", 3), ("features.18:3-", n + 3)]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["features.18"], "is no component; write layer:channel"),
        (["feature.18:3"], "the run examined no layer 'feature.18'; valid are features.18; did you mean 'features.18'"),
        (["features.18:99999"], "there is no component 'features.18:99999'; valid are features.18:0 to features.18:"),
        (["features.18:3-"], "'features.18' is rectified: 'features.18:3-' has no negative side; write features.18:3"),
        ([], "no component is named"),
    ],
)
def test_what_the_record_does_not_have(record, names, said):
    with pytest.raises(InputError) as caught:
        named_choices(record, names)
    assert said in str(caught.value)


def test_a_class_that_was_not_audited(record):
    with pytest.raises(
        InputError, match=r"'melanom' is no audited class of the run; valid are .*; did you mean 'melanoma'"
    ):
        spurious_choices(record, "melanom", [SPURIOUS])


def test_a_layer_that_was_not_examined(record):
    with pytest.raises(InputError, match=r"examined no layer 'features\.17'"):
        spurious_choices(record, "melanoma", [SPURIOUS], "features.17")


def test_nothing_spurious_is_told_with_what_there_is(record):
    rows = tuple(row for row in record.findings.components if row.state is ComponentState.VALID)
    clean = record.model_copy(update={"findings": record.findings.model_copy(update={"components": rows})})
    with pytest.raises(
        InputError, match=r"no examined component of features.18 is spurious or both for melanoma; found are \d+ valid"
    ):
        spurious_choices(clean, "melanoma", [SPURIOUS, BOTH])


def test_a_run_without_an_inside(record):
    model = record.plan.model.model_copy(update={"layers": ()})
    outside = record.model_copy(update={"plan": record.plan.model_copy(update={"model": model})})
    for choose in (lambda: named_choices(outside, ["x:1"]), lambda: spurious_choices(outside, "melanoma", [SPURIOUS])):
        with pytest.raises(InputError, match="did not examine the inside"):
            choose()


def spec(released=None, point=None, waivers=()):
    model = SimpleNamespace(released=released)
    return SimpleNamespace(model=model, operating_point=point, waivers=waivers)


def test_the_file_that_ships_is_said_to_be_unchanged(record):
    choices = named_choices(record, ["features.18:3"])
    (said,) = [
        text for text in pruning_warnings(record, spec(SimpleNamespace(file="net.onnx")), choices) if "ships" in text
    ]
    assert said.startswith("The file that ships (net.onnx) is not changed.")
    assert not any("ships" in text for text in pruning_warnings(record, spec(), choices))


def test_spurious_relevance_that_is_left_is_counted(record):
    choices = spurious_choices(record, "melanoma", [SPURIOUS])
    finding = next(row for row in record.findings.classes if row.class_name == "melanoma")
    total = sum(finding.share_by_state[state].value for state in (SPURIOUS, BOTH) if state in finding.share_by_state)
    gone = sum(
        row.relevance.value for row in record.findings.components
        if (row.state, row.class_name) == (SPURIOUS, "melanoma")
    )  # fmt: skip
    said = [text for text in pruning_warnings(record, spec(), choices) if text.startswith("For melanoma")]
    assert total - gone > 0.005
    assert f"carry {100 * total:.1f} %" in said[0] and f"among them {100 * gone:.1f} %" in said[0]


def test_a_whole_layer_is_told(record):
    n = record.plan.model.n_components["features.18"]
    choices = named_choices(record, [f"features.18:{channel}" for channel in range(n)])
    assert any(
        "All components of features.18 are silenced" in text for text in pruning_warnings(record, spec(), choices)
    )
    assert any("were not examined" in text for text in pruning_warnings(record, spec(), choices))


@pytest.fixture
def responding(record):
    """The same audit, with one component that responds with its label, one that is silent, and nine without a label."""
    return record.model_copy(update={"findings": record.findings.model_copy(update={"responses": (finding(),)})})


def test_what_responds_to_an_artefact_with_its_label_or_without(responding):
    found = responding_choices(responding, "ruler")
    assert [choice.index for choice in found] == [1, *range(10, 19)]
    assert found[0].id == "features.18:1"


def test_an_artefact_without_responses_is_told(record, responding):
    with pytest.raises(InputError, match=r"measured no responses to 'rulers'; valid are ruler; did you mean 'ruler'"):
        responding_choices(responding, "rulers")
    with pytest.raises(InputError, match="valid are none"):
        responding_choices(record, "ruler")
