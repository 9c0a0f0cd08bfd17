"""The plan: classes that are audited, the decision's class, and every setting that decides."""

import json

import pytest

from auditlens.errors import SpecError
from auditlens.plan.build import audited_classes, build_plan, decision_class, thresholds
from auditlens.spec.model import AuditSpec
from auditlens.stages.plan import Method, PlannedData, PlannedModel
from tests.unit.plan.test_gates import BASE, CLASSES, WORKS


def spec_with(**changes):
    kept = {name: value for name, value in (BASE | changes).items() if value is not None}
    return AuditSpec.model_validate_json(json.dumps(kept | {"gates": {"works": WORKS}}))


def test_the_classes_with_a_rule_are_audited():
    assert audited_classes(spec_with(), CLASSES) == ("melanoma",)


def test_without_rules_the_class_of_the_decision_is_audited_and_else_the_last():
    decided = spec_with(classes=None, decision={"class": "benign", "threshold": 0.5})
    assert audited_classes(decided, CLASSES) == ("benign",)
    assert audited_classes(spec_with(classes=None), CLASSES) == ("melanoma",)


def test_the_class_of_the_decision_is_declared_or_the_first_audited():
    assert decision_class(spec_with(decision={"class": "benign", "threshold": 0.5}), CLASSES) == "benign"
    assert decision_class(spec_with(classes={"benign": {}}), CLASSES) == "benign"


def test_classes_that_the_model_lacks():
    with pytest.raises(SpecError, match=r"classes\.melanomma: .*did you mean 'melanoma'.*valid are benign, melanoma"):
        audited_classes(spec_with(classes={"melanomma": {}}), CLASSES)
    with pytest.raises(SpecError, match=r"decision\.class: .*'melanomma'.*did you mean 'melanoma'"):
        decision_class(spec_with(decision={"class": "melanomma", "threshold": 0.5}), CLASSES)


def test_every_setting_that_decides_is_in_the_plan():
    words = " ".join(f"{method.name} {method.value}" for method in thresholds(spec_with(examine={"z_threshold": 2.5})))
    for said in ("z > 2.5", "AUROC with lower bound above 0.7", "300 per class", "10000 bootstrap draws", "examples"):
        assert said in words


def test_the_plan_keeps_what_it_was_given():
    model = PlannedModel(
        architecture="x",
        weights_sha256=None,
        classes=CLASSES,
        layers=("l",),
        n_components={"l": 3},
        preprocessing="none",
        output="logits",
        decision_class="melanoma",
        threshold=None,
        decision_source="",
        n_parameters=1,
    )
    data = PlannedData(source="x", sha256="0", n_images=1, n_units=1, unit_column=None, class_counts={}, columns=())
    method = Method(name="crops", value="crp", reason="because")
    plan = build_plan(
        spec_with(),
        spec_sha256="f00",
        model=model,
        data=data,
        foundation=None,
        methods=[method],
        batch_size=4,
        n_threads=1,
        device="cpu",
    )
    assert (plan.model, plan.data, plan.spec_sha256, plan.artefacts) == (model, data, "f00", ("ruler", "ink"))
    assert plan.methods[0] == method
    assert [gate.id for gate in plan.gates] == ["works"]


@pytest.mark.parametrize(
    ("examine", "words"), [({}, "20, at most one image per patient, "), ({"one_per_unit": False}, "20, all")]
)
def test_the_plan_says_how_many_images_of_a_patient_exemplify_a_component(examine, words):
    spec = spec_with(data={"manifest": "m.csv", "unit": "patient"}, examine=examine)
    assert {said.name: said.value for said in thresholds(spec)}["concept examples per component"].startswith(words)
    alone = {said.name: said.value for said in thresholds(spec_with(examine=examine))}
    assert "image per" not in alone["concept examples per component"]
