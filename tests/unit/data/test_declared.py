"""What a spec says of its images against what is there: all at once, at the spec's field, with the nearest match."""

import json
from functools import partial

import pytest

from auditlens.data.declared import check_data
from auditlens.errors import SpecError
from auditlens.spec.load import load_spec

SPEC = {
    "auditlens": 1,
    "audit": {"id": "D-1"},
    "model": {"architecture": "torchvision:resnet18", "classes": ["benign", "melanoma"]},
    "decision": {"class": "melanoma", "threshold": 0.5},
    "data": {"manifest": "test.csv", "unit": "patient"},
    "gates": {"works": {"metric": "sensitivity", "limit": ">= 0.9"}},
}
ROWS = [
    "image,label,patient,site,tone,ruler,veil",
    "a.png,benign,1,A,1,0,yes",
    "b.png,melanoma,2,B,2,1,no",
    "c.png,benign,3,A,3,,",
]


@pytest.fixture
def faults(tmp_path):
    """Faults of the spec with some sections changed, each as severity, path and message."""
    for name in "abc":
        (tmp_path / f"{name}.png").touch()

    def found(*rows, parquet=False, asked=None, **changes):
        (tmp_path / "test.csv").write_text("\n".join(rows or ROWS) + "\n")
        document = json.loads(json.dumps(SPEC))
        for path, value in changes.items():
            section = document
            *steps, last = path.split("__")
            for step in steps:
                section = section.setdefault(step, {})
            section[last] = value
        if parquet:
            import pyarrow.csv
            import pyarrow.parquet

            pyarrow.parquet.write_table(pyarrow.csv.read_csv(tmp_path / "test.csv"), tmp_path / "test.parquet")
            document["data"]["manifest"] = "test.parquet"
        path = tmp_path / "spec.json"
        path.write_text(json.dumps(document, indent=1))
        try:
            checks = (partial(check_data, **(asked or {})),)
            told = load_spec(path, checks=checks, **(asked or {})).warnings
        except SpecError as error:
            told = error.faults
        assert all(fault.location.line and fault.location.column for fault in told)
        return [(fault.severity, fault.path, fault.message) for fault in told]

    return found


@pytest.mark.parametrize("parquet", [False, True])
def test_what_is_there_is_fine(faults, parquet):
    artefact = {"kind": "ruler", "column": "ruler", "clean_of": ["ruler"], "only": {"site": ["A"], "tone": [1, 2.0]}}
    concepts = {
        "ruler": {"column": "ruler"},
        "veil": {"column": "veil", "value": "yes"},
        "third": {"column": "tone", "value": "3"},
    }
    strata = {"by": ["site", "tone"]}
    within = {"works": SPEC["gates"]["works"] | {"within": {"site": "B", "tone": "2"}}}
    data = {"data__strata": strata, "data__within": ["site"], "gates": within}
    assert faults(parquet=parquet, artefacts={"ruler": artefact}, concepts=concepts, **data) == []


@pytest.mark.parametrize("parquet", [False, True])
@pytest.mark.parametrize(
    ("changes", "path", "said"),
    [
        ({"data__unit": "patientt"}, "data.unit", "has no column 'patientt'; its columns are image, label, patient"),
        ({"data__unit": "patientt"}, "data.unit", "did you mean 'patient'?"),
        ({"data__mask": "mask"}, "data.mask", "has no column 'mask'"),
        ({"data__label": "lable"}, "data.label", "did you mean 'label'?"),
        ({"data__within": ["site", "sight"]}, "data.within[1]", "did you mean 'site'?"),
        ({"data__strata": {"by": ["tonne"]}}, "data.strata.by[0]", "did you mean 'tone'?"),
        ({"concepts": {"v": {"column": "vail"}}}, "concepts.v.column", "did you mean 'veil'?"),
        ({"concepts": {"v": {"column": "label"}}}, "concepts.v.column", "no further column 'label'"),
        ({"concepts": {"v": {"column": "veil"}}}, "concepts.v.column", "is no 0/1 column, it holds no, yes; name the"),
        ({"concepts": {"v": {"column": "tone"}}}, "concepts.v.column", "is no 0/1 column, it holds 2, 3"),
        ({"concepts": {"v": {"column": "veil", "value": "yess"}}}, "concepts.v.value", "did you mean 'yes'?"),
        ({"artefacts": {"r": {"kind": "ruler", "column": "rulr"}}}, "artefacts.r.column", "did you mean 'ruler'?"),
        ({"artefacts": {"r": {"kind": "ruler", "column": "veil"}}}, "artefacts.r.column", "it holds no, yes"),
        ({"artefacts": {"r": {"kind": "ruler", "clean_of": ["vei"]}}}, "artefacts.r.clean_of[0]", "mean 'veil'?"),
        ({"artefacts": {"r": {"kind": "ruler", "only": {"sit": ["A"]}}}}, "artefacts.r.only.sit", "mean 'site'?"),
        ({"artefacts": {"r": {"kind": "ruler", "only": {"site": ["A", "C"]}}}}, "artefacts.r.only.site[1]", "'C'"),
        ({"artefacts": {"r": {"kind": "ruler", "only": {"tone": [4]}}}}, "artefacts.r.only.tone[0]", "found are 1, 2"),
    ],
)
def test_what_is_not_there_is_told_at_its_field(faults, changes, path, said, parquet):
    told = faults(parquet=parquet, **changes)
    assert any(kind == "error" and where == path and said in message for kind, where, message in told), told


def test_a_subgroup_without_an_image_is_told(faults):
    gate = SPEC["gates"]["works"] | {"within": {"site": "Ab"}}
    (told,) = faults(data__strata={"by": ["site"]}, gates={"works": gate})
    assert told == (
        "error",
        "gates.works.within.site",
        "no image has 'Ab' in column 'site'; found are A, B; did you mean 'A'?",
    )


def test_a_column_that_is_only_a_default_says_so(faults):
    (told,) = faults("path,label,patient", "a.png,benign,1", "b.png,melanoma,2")
    assert told[1] == "data.image" and told[2].endswith("'image' is read unless `data.image` names one")


def test_labels_that_are_no_class(faults):
    (told,) = faults(*ROWS, "a.png,nevus,9,A,1,0,yes")
    assert told[:2] == ("warning", "data.manifest")
    assert "not every image has a label that is a class of the model: 'nevus' (1)" in told[2]
    assert faults(*ROWS, "a.png,nevus,9,A,1,0,yes", data__label_map={"nevus": "benign"}) == []
    told = faults("image,label,patient", "a.png,Melanoma,1", "b.png,Benign,2")
    assert told[0][0] == "error" and "did you mean 'melanoma'?" in told[0][2]


def test_a_class_without_an_image(faults):
    (told,) = faults(*ROWS[:2])
    assert told == ("warning", "data.manifest", "no image of 'melanoma'")


def test_sets_are_each_held_against_their_own_table(faults, tmp_path):
    (tmp_path / "dev.csv").write_text("image,label,case,hair\na.png,benign,1,0\nb.png,naevus,2,1\n")
    test = {"role": "sealed", "manifest": "test.csv", "unit": "patient"}
    sets = {"test": test, "dev": {"role": "development", "manifest": "dev.csv", "unit": "patient"}}
    concepts = {"hair": {"column": "hair"}, "ruler": {"column": "ruler"}, "other": {"column": "hairs"}}
    told = {(kind, path): said for kind, path, said in faults(data={"sets": sets}, concepts=concepts)}
    assert "dev.csv has no column 'patient'" in told["error", "data.sets.dev.unit"]
    assert "test.csv (sealed set test) has no further column 'hairs'" in told["error", "concepts.other.column"]
    assert {path for _, path in told} == {"data.sets.dev.unit", "concepts.other.column", "concepts.hair.column"}
    sets["dev"]["unit"] = "case"
    told = faults(data={"sets": sets})
    assert {row[:2] for row in told} == {("warning", "data.sets.dev.manifest")}
    assert any("'naevus' (1)" in said for *_, said in told) and any(
        "no image of 'melanoma'" in said for *_, said in told
    )


AUDITED = {
    "strata": {"data__strata": {"by": ["tone"]}},
    "column": {"artefacts": {"r": {"kind": "ruler", "column": "ruler"}}},
    "clean_of": {"artefacts": {"r": {"kind": "ruler", "clean_of": ["ruler"]}}},
    "only": {"artefacts": {"r": {"kind": "ruler", "only": {"site": ["A"]}}}},
    "swap": {"artefacts": {"r": {"kind": "colour_profile", "swap": {"column": "site"}}}},
    "concept": {"concepts": {"r": {"column": "ruler"}}},
}
"""What is asked of the audited images, by what asks."""


def sets_of(tmp_path, **roles):
    """Sets with one image a class; `test` has all columns of ROWS, the others have patients only."""
    for name in roles:
        if name != "test":
            (tmp_path / f"{name}.csv").write_text(
                f"image,label,patient\na.png,benign,{name}1\nb.png,melanoma,{name}2\n"
            )
    return {
        "sets": {name: {"role": role, "manifest": f"{name}.csv", "unit": "patient"} for name, role in roles.items()}
    }


@pytest.mark.parametrize("asks", AUDITED)
def test_a_column_that_another_set_has_is_no_column_of_the_audited_one(faults, tmp_path, asks):
    data = sets_of(tmp_path, bare="sealed", test="development")
    ((severity, _, said),) = faults(data=data, **AUDITED[asks])
    assert severity == "error"
    assert said.startswith("bare.csv (sealed set bare) has no further column")


@pytest.mark.parametrize("asks", AUDITED)
def test_what_a_set_lacks_that_a_run_may_ask_for_is_a_warning_and_an_error_where_a_tier_asks(faults, tmp_path, asks):
    data = sets_of(tmp_path, bare="development", test="sealed")
    ((severity, _, said),) = faults(data=data, **AUDITED[asks])
    assert severity == "warning" and said.endswith("; a run with --data bare would end here")
    assert faults(asked={"data": "test"}, data=data, **AUDITED[asks]) == []
    ((severity, _, said),) = faults(data=data, tiers={"pr": {"data": "bare"}}, **AUDITED[asks])
    assert severity == "error" and "would end here" not in said
    ((severity, *_),) = faults(asked={"data": "bare"}, data=data, **AUDITED[asks])
    assert severity == "error"


@pytest.mark.parametrize("asks", AUDITED)
def test_a_set_for_observability_labels_concepts_and_nothing_else(faults, tmp_path, asks):
    told = faults(data=sets_of(tmp_path, bare="sealed", test="observability"), **AUDITED[asks])
    assert [row[0] for row in told] == ([] if asks == "concept" else ["error"])
    told = faults(data=sets_of(tmp_path, test="sealed", bare="observability"), **AUDITED[asks])
    assert told == []


def test_a_concept_that_nobody_labels_names_both_sets(faults, tmp_path):
    data = sets_of(tmp_path, bare="sealed", test="observability")
    ((_, path, said),) = faults(data=data, concepts={"r": {"column": "rule"}})
    assert path == "concepts.r.column"
    assert said.startswith("neither bare.csv (sealed set bare) nor test.csv (observability set test) has a further")
    assert said.endswith("did you mean 'ruler'?")


def test_a_value_is_looked_for_where_it_is_read(faults, tmp_path):
    data = sets_of(tmp_path, test="sealed", other="development")
    (tmp_path / "other.csv").write_text("image,label,patient,site\na.png,benign,1,C\nb.png,melanoma,2,C\n")
    artefact = {"r": {"kind": "ruler", "only": {"site": ["C"]}}}
    ((severity, _, said),) = faults(data=data, artefacts=artefact)
    assert (severity, said) == (
        "error",
        "no image of test.csv (sealed set test) has 'C' in column 'site'; found are A, B",
    )
    assert faults(asked={"data": "other"}, data=data, artefacts=artefact) == []


def test_images_that_are_generated_are_not_asked_for_columns(faults, tmp_path):
    data = sets_of(tmp_path, bare="sealed", test="observability")
    data["sets"]["test"] = {"role": "observability", "generate": {"factory": "auditlens.testbed.animals:write_animals"}}
    assert faults(data=data, concepts={"r": {"column": "ruler"}}) == []
    ((_, path, _),) = faults(data=data, **AUDITED["strata"])
    assert path.startswith("data.strata.by")


def test_images_that_do_not_exist(faults, tmp_path):
    (tmp_path / "b.png").unlink()
    (told,) = faults()
    assert told[1] == "data.image"
    assert "1 of 3 image files do not exist" in told[2] and f"'b.png', at {tmp_path / 'test.csv'}:3" in told[2]


def test_a_broken_table_is_told_at_the_manifest(faults, tmp_path):
    (told,) = faults("image,label,patient", "a.png,benign,1,2,3")
    assert told[1] == "data.manifest" and f"{tmp_path / 'test.csv'}:2: 5 cells under 3 column names" in told[2]


@pytest.mark.parametrize(
    ("folders", "said"),
    [
        ([], ["it has no subfolders; it needs one per class"]),
        (["benign/notes.txt"], ["no subfolder of it holds an image"]),
        (["benign/a.png", "melanom/b.png"], ["not every image has a subfolder that is a class", "no image of 'mel"]),
        (["nevus/a.png"], ["no image has a subfolder that is a class of the model: 'nevus'"]),
        (["benign/a.png", "melanoma/b.png"], []),
    ],
)
def test_folders(faults, tmp_path, folders, said):
    (tmp_path / "images").mkdir()
    for name in folders:
        (tmp_path / "images" / name).parent.mkdir()
        (tmp_path / "images" / name).touch()
    told = faults(data={"folder": "images"})
    assert len(told) == len(said)
    for _, path, message in told:
        assert path == "data.folder" and any(words in message for words in said)


def test_a_folder_has_no_columns(faults, tmp_path):
    for name in ("benign", "melanoma"):
        (tmp_path / "images" / name).mkdir(parents=True)
        (tmp_path / "images" / name / "a.png").touch()
    (told,) = faults(data={"folder": "images"}, concepts={"v": {"column": "veil"}})
    assert told[1] == "concepts.v.column" and "it has none besides" in told[2]
