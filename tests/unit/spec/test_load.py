# ruff: noqa: E501 - expected sentences stand on one line
"""A valid spec with its places and hash; each kind of fault of a field, at its line and column."""

from datetime import date

import pytest

from auditlens.errors import Location, SpecError
from auditlens.spec.load import load_spec

YAML = """auditlens: 1
audit: {id: T-1}
model:
  architecture: "torchvision:resnet18"
  classes: [benign, melanoma]
data: {folder: images}
decision: {class: melanoma, threshold: 0.5}
gates:
  works: {metric: sensitivity, limit: ">= 0.9"}
"""


def test_a_valid_spec_loads(bench):
    loaded = bench.load()
    assert loaded.spec.audit.id == "T-1"
    assert loaded.classes == ("benign", "melanoma")
    assert loaded.base == bench.folder
    assert loaded.text.startswith('{"auditlens": 1')


def test_every_key_and_value_has_its_place(bench):
    loaded = bench.load(YAML)
    path = str(bench.folder / "spec.yaml")
    assert loaded.locate(("decision", "threshold")) == Location(path, 7, 40)
    assert loaded.locate(("gates", "works")) == Location(path, 9, 3)
    assert loaded.locate(("model", "classes", 1)) == Location(path, 5, 21)
    assert loaded.locate(("gates", "works", "severity")) == Location(path, 9, 3)
    assert loaded.cite(("gates", "works")) == "spec.yaml:9:3"


def test_the_citation_is_the_same_from_every_folder(bench, monkeypatch):
    bench.write(YAML)
    monkeypatch.chdir(bench.folder)
    assert load_spec("spec.yaml").cite(("gates",)) == "spec.yaml:8:1"
    assert str(load_spec("spec.yaml").locate(("gates",))) == "spec.yaml:8:1"
    (bench.folder / "sub").mkdir()
    monkeypatch.chdir(bench.folder / "sub")
    assert load_spec("../spec.yaml").cite(("gates",)) == "spec.yaml:8:1"


def test_the_hash_rests_on_what_the_spec_says_and_not_on_how(bench):
    plain = bench.load(YAML).sha256
    assert bench.load("# a comment\n" + YAML.replace("0.5", "0.50")).sha256 == plain
    assert bench.load(YAML + "seed: 0\n").sha256 == plain
    assert bench.load(YAML + "seed: 1\n").sha256 != plain


def test_a_byte_order_mark_does_no_harm(bench):
    assert bench.load(b"\xef\xbb\xbf" + YAML.encode()).spec.auditlens == 1


def test_a_date_is_text_in_yaml_and_a_date_in_the_spec(bench):
    waiver = (
        "waivers:\n  - {gate: works, bound: '>= 0.8', model_sha256: '" + "0" * 64 + "', owner: a, approved_by: b,"
        " reason: c, expires: 2027-03-31}\n"
    )
    assert bench.load(YAML + waiver).spec.waivers[0].expires == date(2027, 3, 31)
    broken = bench.problem(YAML + waiver.replace("03-31", "02-30"))
    assert broken.endswith("waivers[0].expires: must be a date such as 2027-03-31; found the text '2027-02-30'")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("threshold", "treshold", [
            "7:1: decision.threshold: this field is required: Probability from which on the class is reported",
            "7:29: decision.treshold: there is no such field; valid are class, threshold, source; did you mean 'threshold'?",
        ]),
        ("0.5", "1.5", ["7:40: decision.threshold: must be less than 1; found the number 1.5"]),
        ("0.5", "half", ["7:40: decision.threshold: must be a number; found the text 'half'"]),
        ("id: T-1", "id: 7", ["2:13: audit.id: must be text; found the number 7; put it in quotes"]),
        ("id: T-1", "id: ''", ["2:13: audit.id: must not be empty"]),
        ("auditlens: 1", "auditlens: 2", ["1:12: auditlens: version 2 is newer than 1, which is read; a newer auditlens is needed"]),
        ("[benign, melanoma]", "5", ["5:12: model.classes: must be text or a list of text; found the number 5"]),
        ("[benign, melanoma]", "[benign, melanoma, 5]", [
            "5:31: model.classes[2]: must be text; found the number 5; put it in quotes"]),
        ("[benign, melanoma]", "[melanoma]", [
            "5:3: model.classes: a classifier has at least two classes; for a single logit name the negative class first"]),
        ("[benign, melanoma]", "[melanoma, melanoma]", [
            "5:3: model.classes: 'melanoma' is listed twice; class names are distinct"]),
        ("torchvision:resnet18", "resnet18", [
            "4:17: model.architecture: must be 'torchvision:NAME', 'timm:NAME', 'huggingface:FOLDER' or 'python:module:factory'; "
            "found the text 'resnet18'"]),
        ("sensitivity", "sensitivty", [
            "9:19: gates.works.metric: must be 'sensitivity', 'specificity', 'auroc', 'lesion_erased_auroc', "
            "'decision_flips', 'decision_flips_beyond_sham', 'artefact_effect', 'effect_minus_sham', 'spurious_relevance_share', "
            "'unexpected_relevance_share', 'unread_relevance_share', 'observability', 'mediated_share', 'separability', 'separability_drop', "
            "'separability_drop_beyond_sham', 'flip_rate', 'accuracy_drop', 'strongest_spurious_component', 'valid_coverage', "
            "'alignment_margin', 'clarity', 'redundancy' or 'polysemanticity'; found the text 'sensitivty'; "
            "did you mean 'sensitivity'?"]),
        (">= 0.9", "> 0.9", [
            "9:39: gates.works.limit: write '<= x', '>= x' or 'within x', with x a plain number such as 0.02"]),
        (">= 0.9", ">= 90", [
            "9:39: gates.works.limit: no metric has a limit beyond 1; write 2 % as 0.02"]),
        ("works:", "w!rks:", [
            "9:3: gates.w!rks: 'w!rks' is no valid name; write a name of letters, digits, '_', '.', '-' that begins "
            "with a letter, at most 80 of them"]),
        ("{folder: images}", "3", [
            "6:7: data: must be a mapping with folder, manifest, generate, root, image, label, unit, mask, within, "
            "label_map, window, sample, strata, sets, forbidden_overlap; found the number 3"]),
        ("{folder: images}", "{}", ["6:1: data: give exactly one of folder, manifest, generate; found none"]),
    ],
)  # fmt: skip
def test_each_kind_of_fault_has_its_sentence_and_place(bench, old, new, problem):
    assert old in YAML
    assert bench.problems(YAML.replace(old, new)) == [f"spec.yaml:{line}" for line in problem]


@pytest.mark.parametrize(
    ("extra", "problem"),
    [
        ("model: {sha256: ABC}", "must be a SHA-256 as 64 digits 0-9 a-f in lower case; found the text 'ABC'; leave it "
         "out, and `auditlens plan SPEC --write-hashes` writes it"),
        ("x: {kind: rular}", "the text 'rular' is no kind of artefact; valid are tint, hue_shift, overlay, cutout, ruler, "
         "band_aid, hair, ink, dark_corner, gel_border, logo, gel_bubble, reflection, tube, collimator, frame, text, "
         "watermark, timestamp, side_marker, jpeg, blur, colour_cast, background, python, colour_profile, "
         "transplant; did you mean 'ruler'?"),
        ("x: {label: y}", "an artefact needs a kind: tint, hue_shift, overlay, cutout, ruler, band_aid, hair, ink, "
         "dark_corner, gel_border, logo, gel_bubble, reflection, tube, collimator, frame, text, watermark, timestamp, "
         "side_marker, jpeg, blur, colour_cast, background, python, colour_profile, transplant"),
        ("x: {kind: tint, colour: [1, 2]}", "the list is too short; it must be a list of 3, each a whole number"),
        ("x: {kind: tint, colour: [1, 2, 300]}", "must be at most 255; found the number 300"),
        ("x: {kind: ruler, scale: [1.5, 0.5]}", "write the smaller end first: [0.5, 1.5]"),
        ("x: {kind: ruler, opacity: [0, 2]}", "must be at most 1; found the number 2"),
        ("x: {kind: ruler, blob: 3}", "there is no such field; valid are clean_of, sham, placement, avoid, scale, opacity, "
         "only, reason, label, column, source, clean_by, dose, removal, kind, n_instances"),
        ("x: {kind: ruler, ruler: 3}", "there is no such field; valid are clean_of, sham, placement, avoid, scale, opacity, "
         "only, reason, label, column, source, clean_by, dose, removal, kind, n_instances"),
    ],
)  # fmt: skip
def test_faults_of_artefacts_and_hashes(bench, extra, problem):
    text = YAML.replace("model:\n", f"model:\n  sha256: {extra[16:-1]}\n") if extra.startswith("model") else ""
    text = text or f"{YAML}artefacts:\n  {extra}\n"
    assert bench.problem(text).endswith(problem)


def test_all_faults_come_at_once_in_the_order_of_the_file(bench):
    text = YAML.replace("T-1", "7").replace("0.5", "2").replace("sensitivity", "nothing") + "seed: -1\nseed: -2\n"
    problems = bench.problems(text)
    assert [line.split(": ")[1] for line in problems] == [
        "audit.id",
        "decision.threshold",
        "gates.works.metric",
        "seed",
        "seed",
    ]
    places = [tuple(map(int, line.split(":")[1:3])) for line in problems]
    assert places == sorted(places)


def test_a_flood_of_faults_is_cut(bench):
    problems = bench.problems(YAML + "".join(f"k{n}: 1\n" for n in range(80)))
    assert len(problems) == 51
    assert problems[-1] == "... and 30 more"


def test_every_problem_is_one_line(bench):
    problems = bench.problems(YAML.replace("T-1", '"a\\nb"').replace("0.5", '"a\\nb"'))
    assert all("\n" not in line for line in problems)


def test_paths_need_not_exist_where_that_is_said(bench):
    path = bench.write(YAML.replace("images", "elsewhere"))
    assert load_spec(path, check_paths=False).spec.data.folder == "elsewhere"
    with pytest.raises(SpecError, match="there is no folder"):
        load_spec(path)
