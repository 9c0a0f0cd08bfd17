"""The answers that a run keeps come back as they were, by image id and repetition."""

from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest

from auditlens.findings.answers import answers_of, repetitions_of
from auditlens.findings.artefacts import Trials, effect_values, flip_events
from auditlens.findings.decision import OperatingPoint
from auditlens.findings.differences import flip_rows
from auditlens.report.answers import keep_answers, read_answers
from auditlens.stages.answers import ErasedAnswers, RelevanceAnswers
from auditlens.store.run_folder import RunFolder
from tests.unit.findings.compared_runs import base, evidence, make_run


def assert_same(one, two):
    assert type(one) is type(two)
    for field in fields(one):
        a, b = getattr(one, field.name), getattr(two, field.name)
        if is_dataclass(a):
            assert_same(a, b)
        elif isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b)
        else:
            assert a == b


@pytest.mark.parametrize("sham", [True, False])
def test_answers_come_back(tmp_path, sham):
    answers = make_run("x", 0, 1.0, sham=sham).answers
    keep_answers(RunFolder(tmp_path / "run"), answers)
    found = read_answers(tmp_path / "run")
    assert found.clean.keys() == answers.clean.keys() and found.trials.keys() == answers.trials.keys()
    for name, part in answers.clean.items():
        assert_same(found.clean[name], part)
    for key, part in answers.trials.items():
        assert_same(found.trials[key], part)


def test_equal_answers_give_equal_bytes_and_none_are_none(tmp_path):
    assert read_answers(tmp_path) is None
    files = []
    for name in ("a", "b"):
        keep_answers(RunFolder(tmp_path / name), make_run("x", 0, 1.0).answers)
        files.append((tmp_path / name / "tables" / "trials.parquet").read_bytes())
    assert files[0] == files[1]


def test_answers_are_those_that_the_findings_rest_on():
    found, plan = evidence(0, 1.0), base().plan
    trials = Trials(found.trials["ruler"], found.samples, found.predictions, OperatingPoint.of(plan.model), 100, 0)
    answers = answers_of(found, plan, {"ruler": "p"}).trials["ruler", "melanoma"]
    for scale in ("probability", "margin"):
        raw, sham, _ = effect_values(trials, 1, None, scale)
        np.testing.assert_allclose(answers.inserted.on(scale) - answers.clean.on(scale), raw)
        np.testing.assert_allclose(answers.sham.on(scale) - answers.clean.on(scale), sham)
    rows, turned, _ = flip_events(trials, "benign", "melanoma")
    np.testing.assert_array_equal(flip_rows(answers, "benign"), rows)
    np.testing.assert_array_equal(answers.inserted.decided[rows] == "melanoma", turned)


def test_multi_label_answers_leave_other_labels_open():
    found, plan = evidence(0, 1.0), base().plan
    plan = plan.model_copy(update={"model": plan.model.model_copy(update={"output": "multi_label"})})
    answers = answers_of(found, plan, {"ruler": "p"})
    said = answers.trials["ruler", "melanoma"].clean
    assert set(said.decided) == {"melanoma", ""}
    np.testing.assert_array_equal(said.decided == "melanoma", said.probability >= 0.31)


def test_repetitions_count_from_zero_within_an_image():
    assert repetitions_of(np.array([4, 4, 2, 4, 2, 7])).tolist() == [0, 1, 0, 2, 1, 0]
    assert repetitions_of(np.array([], dtype=np.int64)).tolist() == []


def test_rows_go_by_image_id():
    found = evidence(0, 1.0)
    samples = replace(found.samples, ids=tuple(reversed(found.samples.ids)))
    answers = answers_of(replace(found, samples=samples), base().plan, {"ruler": "p"})
    assert answers.clean["melanoma"].images.tolist() == sorted(samples.ids)
    first = answers.trials["ruler", "melanoma"]
    assert first.images[0] == "0000.png"
    assert first.inserted.probability[0] == pytest.approx(found.trials["ruler"].probabilities[-1, 1])


def test_relevance_and_erased_lesions_come_back_and_an_old_folder_has_none(tmp_path):
    images, units = np.array(["a", "b", "c"]), np.array([0, 0, 1])
    relevance = {
        (layer, "melanoma"): RelevanceAnswers(layer, "melanoma", "lrp", images, units, shares)
        for layer, shares in (
            ("late", {"spurious_relevance_share": np.array([0.1, 0.2, 0.3]), "unexpected_relevance_share": np.ones(3)}),
            ("early", {"unexpected_relevance_share": np.zeros(3)}),
        )
    }
    erased = ErasedAnswers("melanoma", images, images, units, np.full(3, 0.2), np.array([0.5, 0.6, 0.7]))
    whole = replace(make_run("x", 0, 1.0).answers, relevance=relevance, erased={"melanoma": erased})
    keep_answers(RunFolder(tmp_path / "run"), whole)
    found = read_answers(tmp_path / "run")
    assert list(found.relevance) == list(relevance)  # the order says which layer is the last
    assert_same(found.erased["melanoma"], erased)
    for place, part in relevance.items():
        assert found.relevance[place].shares.keys() == part.shares.keys()
        for metric, share in part.shares.items():
            np.testing.assert_array_equal(found.relevance[place].shares[metric], share)
    for name in ("erased", "relevance_by_image"):
        (tmp_path / "run" / "tables" / f"{name}.parquet").unlink()
    old = read_answers(tmp_path / "run")
    assert old.relevance is None and old.erased is None and old.trials.keys() == whole.trials.keys()
