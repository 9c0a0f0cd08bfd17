"""What was found on disk, as the plan says it."""

import pytest

from auditlens.errors import InputError
from auditlens.gather.environment import environment
from auditlens.gather.resolve import demand_columns, methods, planned_data, planned_foundation, planned_model
from auditlens.version import __version__
from tests.e2e.test_bad_input import write_table


def test_the_model_as_it_was_found(make_context):
    context = make_context()
    model = planned_model(context.spec, context.subject, 0.001, 2)
    assert (model.layers, model.n_components) == (("1",), {"1": 4})
    assert (model.decision_class, model.threshold, model.random_weights) == ("melanoma", 0.5, False)
    assert (model.reference_gap, model.n_references) == (0.001, 2)
    assert model.n_parameters == 4 * 27 + 4 + 2 * 4 + 2


def test_random_weights_are_said(project, make_context):
    del project.document["model"]["weights"]
    project.change({})
    context = make_context()
    model = planned_model(context.spec, context.subject, None, 0)
    assert (model.random_weights, model.weights_sha256) == (True, None)


def test_the_images_as_they_were_found(make_context):
    data = planned_data(make_context().index)
    assert (data.n_images, data.n_units, data.class_counts) == (30, 30, {"benign": 15, "melanoma": 15})


def test_the_foundation_model_as_it_was_found(project, make_context, foundation):
    assert planned_foundation(make_context().spec, None) is None
    project.change({"foundation": {"model": "ViT-B-32", "templates": ["a {}"]}})
    found = planned_foundation(make_context().spec, foundation)
    assert (found.sha256, found.dimension, found.templates) == ("0" * 64, 3, ("a {}",))


def test_choices_are_methods_with_reasons(make_context):
    found = methods(make_context().subject, "lrp", "every layer has a rule", "crp", ["2 images are listed twice"])
    assert {method.name: method.value for method in found} == {
        "layers": "1 (4 components)",
        "relevance": "lrp",
        "crops": "crp",
        "data": "2 images are listed twice",
    }
    assert all(method.reason for method in found)


@pytest.mark.parametrize(
    ("cells", "column", "said"),
    [
        ({"red": 0}, "reds", "no 0/1 column 'reds'; valid are red; did you mean 'red'"),
        ({"red": "yes"}, "red", "'red' holds text, so it is no 0/1 column .*value: yes"),
        ({"red": 7}, "red", "'red' is no 0/1 column; it holds 7"),
    ],
)
def test_the_column_of_a_concept_is_there_and_holds_flags(project, make_context, cells, column, said):
    write_table(project, **cells)
    project.change({"concepts": {"skin": {"texts": ["red skin"], "column": column}}})
    context = make_context()
    with pytest.raises(InputError, match=rf"concepts\.skin\.column: .*{said}"):
        demand_columns(context.spec, context.index)


def test_a_value_of_a_column_is_demanded(project, make_context):
    write_table(project, site="arm")
    concept = {"texts": ["arm"], "column": "site", "value": "leg"}
    project.change({"concepts": {"arm": concept}})
    loaded = make_context
    with pytest.raises(InputError, match=r"concepts\.arm\.value: no cell of the column 'site' is 'leg'; found are arm"):
        demand_columns(loaded().spec, loaded().index)
    project.change({"concepts": {"arm": {**concept, "value": "arm"}}})
    context = make_context()
    demand_columns(context.spec, context.index)
    assert context.samples.columns["site=arm"].tolist() == [1.0] * 30


def test_the_environment_holds_versions_only():
    found = environment()
    assert found.auditlens == __version__
    assert found.packages["torch"] != "not installed"
    assert environment() == found
