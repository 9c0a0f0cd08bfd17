"""Several sets of images with roles: what may stand beside them, which is audited, and the salt that nobody keeps."""

import copy
import json

import pytest

from auditlens.errors import SpecError
from auditlens.plan.selection import Selection, SelectionError, choose
from auditlens.spec.images import Data
from auditlens.spec.load import merged_document
from auditlens.spec.sets import audited_name, audited_spec, kept_variables

SETS = {
    "test": {"role": "sealed", "folder": "images"},
    "dev": {"role": "development", "manifest": "dev.csv", "unit": "patient"},
}
SALT = "a salt of 16 or more"


@pytest.fixture
def loaded(bench):
    bench.write("image,label\n", "dev.csv")
    return bench.load(data={"sets": SETS, "strata": {"by": ["site"]}})


def data(**fields):
    return Data.model_validate_json(json.dumps(fields))


def test_the_sealed_set_is_audited_unless_another_is_chosen(loaded):
    assert audited_name(loaded.spec.data) == "test"
    assert audited_name(loaded.spec.data, "dev") == "dev"


def test_the_spec_reads_for_its_audited_set_as_if_it_were_the_only_one(loaded):
    spec = audited_spec(loaded.spec, "dev")
    assert (spec.data.manifest, spec.data.unit, spec.data.sets) == ("dev.csv", "patient", {})
    assert spec.data.strata == loaded.spec.data.strata
    assert spec.gates == loaded.spec.gates


def test_a_single_set_stays_as_it_is(bench):
    spec = bench.load().spec
    assert audited_name(spec.data) is None
    assert audited_spec(spec) is spec
    with pytest.raises(SpecError, match="no set 'test': the spec has one set"):
        audited_name(spec.data, "test")


def test_a_set_that_is_not_there_is_named_with_the_nearest(loaded):
    with pytest.raises(SpecError, match="no set 'dve'; valid are test, dev; did you mean 'dev'"):
        audited_name(loaded.spec.data, "dve")


def test_several_sets_for_development_and_no_sealed_one_need_a_choice():
    several = data(sets={name: {"role": "development", "folder": name} for name in "ab"})
    with pytest.raises(SpecError, match="a, b are for development and none is sealed"):
        audited_name(several)
    assert audited_name(several, "b") == "b"
    assert audited_name(data(sets={"a": {"role": "development", "folder": "a"}})) == "a"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"data__unit": "patient"}, "data: unit stands beside sets; write it inside each set"),
        ({"data__sets__dev__role": "sealed"}, "data: test and dev both have the role sealed; one set has it"),
        ({"data__sets__dev__role": "seled"}, "did you mean 'sealed'"),
        ({"data__sets__dev__manifest": ...}, "data.sets.dev: give exactly one of folder, manifest, generate"),
        ({"data__sets__test__unit": "x"}, "data.sets.test: a folder has no columns; unit need a manifest"),
        ({"data__sets__dev__manifest": "dve.csv"}, "there is no file"),
        ({"data__sets__test__folder": "imagse"}, "did you mean 'images'"),
        ({"data__sets__dev__label_map": {"mal": "melanom"}}, "there is no class 'melanom' of the model"),
        ({"data__sets__dev__role": ...}, "data.sets.dev.role: this field is required"),
        ({"data__forbidden_overlap": {"with": ["dev.csv"]}}, "with and salt belong together"),
        ({"data__forbidden_overlap": {"with": ["x.salted"], "salt": SALT}}, "there is no file"),
    ],
)  # fmt: skip
def test_each_fault_has_its_sentence_and_place(bench, loaded, changes, problem):
    with pytest.raises(SpecError) as caught:
        bench.load(**{"data": {"sets": copy.deepcopy(SETS)}, **changes})
    lines = [line for line in caught.value.problems if problem in line]
    assert lines, caught.value.problems
    assert all(line.split(": ")[0].count(":") == 2 for line in lines)


def test_the_salt_is_in_no_document_and_in_no_message(bench, monkeypatch):
    bench.write("x", "t.salted")
    monkeypatch.setenv("AUDIT_SALT", SALT)
    forbidden = {"with": ["t.salted"], "salt": "${env:AUDIT_SALT}"}
    loaded = bench.load(data__forbidden_overlap=forbidden)
    assert loaded.spec.data.forbidden_overlap.salt.get_secret_value() == SALT
    assert SALT not in json.dumps(merged_document(loaded.spec)) + loaded.text + repr(loaded.spec)
    monkeypatch.setenv("AUDIT_SALT", SALT + " changed")
    assert bench.load(data__forbidden_overlap=forbidden).sha256 == loaded.sha256


@pytest.mark.parametrize(
    ("salt", "why"),
    [
        ("12345678901234567", 'put it in quotes: "${env:NAME}"'),
        ("short and bare", "shorter than 16 characters"),
    ],
)
def test_a_salt_that_cannot_be_used_is_not_shown(bench, monkeypatch, salt, why):
    bench.write("x", "t.salted")
    monkeypatch.setenv("AUDIT_SALT", salt)
    text = (
        "auditlens: 1\naudit: {id: T}\nmodel: {architecture: 'torchvision:resnet18', classes: [a, b]}\n"
        "data:\n  folder: images\n  forbidden_overlap:\n    with: [t.salted]\n    salt: ${env:AUDIT_SALT}\n"
        "gates: {works: {metric: sensitivity, class: b, limit: '>= 0.9'}}\n"
    )
    problem = bench.problem(text)
    assert why in problem
    assert salt not in problem


def test_a_salt_in_clear_in_the_spec_is_refused(bench):
    bench.write("x", "t.salted")
    with pytest.raises(SpecError, match="the salt stands here in clear"):
        bench.load(data__forbidden_overlap={"with": ["t.salted"], "salt": SALT})


def test_a_variable_that_holds_the_salt_is_not_kept(bench):
    bench.write("x", "t.salted")
    variables = {"S": SALT, "N": "3"}
    loaded = bench.load(variables=variables, data__forbidden_overlap={"with": ["t.salted"], "salt": "${var:S}"})
    assert kept_variables(loaded.spec, variables) == {"N": "3"}


def test_a_tier_names_the_set_that_it_audits(bench, loaded):
    tiers = {"pr": {"data": "dev", "sample": 4}}
    found = bench.load(data={"sets": copy.deepcopy(SETS)}, tiers=tiers)
    chosen = choose(found, Selection.parse(), "pr")
    assert (chosen.data, chosen.loaded.spec.data.manifest, chosen.loaded.spec.data.sample) == ("dev", "dev.csv", 4)
    assert chosen.whole.data.sets
    assert chosen.suffix == "-pr-dev"
    with pytest.raises(SelectionError, match="the tier pr audits the set 'dev'; leave --data out"):
        choose(found, Selection.parse(), "pr", "test")
    whole = choose(found, Selection.parse())
    assert (whole.data, whole.suffix, whole.reads_inside) == ("test", "", True)


def test_a_tier_that_names_no_set(bench, loaded):
    with pytest.raises(
        SpecError, match=r"tiers.pr.data: there is no set 'dve'; valid are test, dev; did you mean 'dev'"
    ):
        bench.load(data={"sets": copy.deepcopy(SETS)}, tiers={"pr": {"data": "dve"}})


def test_a_set_for_concept_examples_is_audited_only_where_it_is_asked_for():
    sets = {
        "dev": {"role": "concept_examples", "folder": "dev"},
        "test": {"role": "sealed", "folder": "test"},
    }
    assert audited_name(data(sets=sets)) == "test"
    assert audited_name(data(sets=sets), "dev") == "dev"
    with pytest.raises(ValueError, match="no set can be audited"):
        data(sets={"dev": sets["dev"]})
    with pytest.raises(ValueError, match="both have the role concept_examples"):
        data(sets={**sets, "more": sets["dev"]})


def test_a_salt_whose_variable_is_not_set_is_told_once(bench, monkeypatch):
    bench.write("x", "t.salted")
    monkeypatch.delenv("AUDIT_SALT", raising=False)
    forbidden = {"with": ["t.salted"], "salt": "${env:AUDIT_SALT}"}
    problem = bench.problem(data__forbidden_overlap=forbidden)
    assert problem.endswith("the environment variable AUDIT_SALT is not set")
