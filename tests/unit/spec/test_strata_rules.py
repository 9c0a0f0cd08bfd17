"""Strata in a spec: every name is looked up before an image is read."""

import pytest
import yaml

from auditlens.errors import SpecError
from auditlens.spec.load import load_spec

FLIPS = {
    "metric": "decision_flips", "direction": "melanoma_to_benign", "artefact": "ruler", "limit": "<= 0.02",
}  # fmt: skip


@pytest.fixture
def load(tmp_path):
    def loaded(gate=None, strata=None, **more):
        document = {
            "auditlens": 1,
            "audit": {"id": "S-1"},
            "model": {"architecture": "torchvision:resnet18", "classes": ["benign", "melanoma"]},
            "decision": {"class": "melanoma", "threshold": 0.5},
            "data": {"manifest": "m.csv", "strata": strata or {"by": ["site", "skin"]}},
            "artefacts": {"ruler": {"kind": "ruler"}},
            "gates": {"missed": FLIPS | (gate or {})},
        }
        (tmp_path / "spec.yaml").write_text(yaml.safe_dump(document | more, sort_keys=False))
        return load_spec(tmp_path / "spec.yaml", check_paths=False).spec

    return loaded


def problems(load, *args, **more):
    with pytest.raises(SpecError) as error:
        load(*args, **more)
    return error.value.problems


def test_a_whole_spec(load):
    strata = {"by": ["site", "skin"], "cross": [["melanoma", "skin"], ["site", "skin"]], "min_units": 20}
    spec = load({"within": {"skin": "V-VI"}, "each": {"subgroup": "site"}}, strata)
    assert spec.data.strata.cross == (("melanoma", "skin"), ("site", "skin"))
    assert spec.gates["missed"].within == {"skin": "V-VI"}


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        ({"within": {"skim": "V-VI"}},
         "within.skim: 'skim' is no column of data.strata.by; valid are site, skin; did"),
        ({"each": {"subgroup": "device"}}, "each.subgroup: 'device' is no column of data.strata.by; valid are"),
        ({"within": {"skin": "I"}, "each": {"subgroup": "skin"}}, "in within, or repeat over it, not both"),
        ({"within": {"skin": 5}}, "gates.missed.within.skin"),
        ({"worst_subgroup": "skim"}, "worst_subgroup: 'skim' is no column of data.strata.by; valid are site, skin"),
        ({"within": {"skin": "I"}, "worst_subgroup": "skin"}, "in within, or repeat over it, not both"),
        ({"each": {"subgroup": "skin"}, "worst_subgroup": "skin"}, "or take their worst, not both"),
        ({"metric": "decision_flips_beyond_sham", "limit": "within 0.1", "worst_subgroup": "skin"},
         "limit: the worst of several subgroups has a direction"),
    ],
)  # fmt: skip
def test_names_in_gates(load, gate, said):
    (told,) = problems(load, gate)
    assert said in told
    assert "spec.yaml:" in told


@pytest.mark.parametrize(
    ("strata", "said"),
    [
        ({"by": ["site"], "cross": [["melanom", "site"]]},
         "valid are benign, melanoma, site; did you mean 'melanoma'?"),
        ({"by": ["site"], "cross": [["site", "melanoma"]]}, "'melanoma' is no column of data.strata.by"),
        ({"by": ["site", "site"]}, "'site' is listed twice"),
        ({"by": ["site"], "cross": [["site", "site"]]}, "'site' is crossed with itself"),
        ({"by": []}, "data.strata.by"),
        ({"by": ["site"], "min_units": 1}, "data.strata.min_units"),
    ],
)  # fmt: skip
def test_names_in_strata(load, strata, said):
    told = problems(load, None, strata)
    assert any(said in line for line in told)


def test_a_metric_that_knows_no_subgroups(load):
    gate = {"metric": "observability", "limit": ">= 0.8", "each": {"concept": ["mark"], "subgroup": "site"}}
    more = {"concepts": {"mark": {"texts": ["a mark"]}}, "foundation": {"model": "ViT-B-32", "pretrained": "openai"}}
    told = problems(load, None, gates={"seen": gate}, **more)
    assert any("observability is not measured by subgroup" in line for line in told)
    told = problems(
        load, None, gates={"seen": gate | {"each": None, "concept": "mark", "within": {"site": "A"}}}, **more
    )
    assert any("observability takes no within" in line for line in told)


def test_a_folder_has_no_columns(load):
    told = problems(load, None, data={"folder": "images", "strata": {"by": ["site"]}})
    assert any("a folder has no columns; strata need a manifest" in line for line in told)
