"""Concepts by columns and second opinions on a published model and real images; minutes, so `make test-long`."""

from pathlib import Path

import pytest
import yaml

from auditlens import api
from auditlens.spec.paths import ROOT
from auditlens.stages.states import ConceptState

HERE = Path(__file__).parent
DATA = (HERE.parents[1] / ".." / "shared" / "data").resolve()
pytestmark = [
    pytest.mark.long,
    pytest.mark.realdata,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"the shared real data is not at {DATA}"),
]
FLAGS = {name: {"column": name} for name in ("ruler", "patches", "ink", "dark_corner", "gel_border", "hair")}


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    """The nevus model on 240 images; every concept is a column, and two further models give their opinion."""
    folder = tmp_path_factory.mktemp("columns")
    document = yaml.safe_load((HERE / "nevus.yaml").read_text())
    document = {name: document[name] for name in ("auditlens", "audit", "model", "decision", "data")}
    model, data = document["model"], document["data"]
    model |= {"import_path": str(HERE), "arguments": {"arch": str(DATA / "models/nevus/arch.json")}}
    model["weights"] = str(DATA / "models/nevus/torch_state.safetensors")
    data |= {"manifest": str(DATA / "isic2017/labels.csv"), "root": str(DATA / "isic2017/images"), "sample": 240}
    clip = {"model": f"local-dir:{DATA / 'foundation/derm_clip'}", "templates": "dermoscopy"}
    document |= {
        "foundation": clip,
        "opinions": [{**clip, "templates": "paper"}, {"model": f"local-dir:{ROOT / 'testbed/weights/foundation'}"}],
        "concepts": {**FLAGS, "nevus": {"column": "diagnosis", "value": "NV"}, "ruler_word": {"texts": ["ruler"]}},
        "classes": {"Melanoma": {"spurious": [*FLAGS]}},
        "examine": {"n_examples": 12, "max_components": 30, "ablation_images": 0},
        "gates": {"detects": {"metric": "sensitivity", "limit": ">= 0.5"}},
    }
    (folder / "spec.yaml").write_text(yaml.safe_dump(document))
    options = {"reports": False, "allow_modules": ["nevus_model"]}
    return api.audit(folder / "spec.yaml", out=folder / "run", store=folder / "store", **options)


def test_flags_without_words_are_seen_and_label_components(record):
    found = {row.concept: row for row in record.findings.concepts}
    for name in ("ruler", "patches", "ink", "dark_corner"):
        assert found[name].state is ConceptState.OBSERVABLE
        assert (found[name].source, found[name].probe) == ("column", "cav")
    assert {"ruler", "ink"} <= set(record.findings.classes[0].components_by_concept)


def test_their_labels_stand_on_images_that_people_flagged(record):
    prevalence = {row.concept: row.prevalence for row in record.findings.concepts}
    for component in record.findings.components:
        for row in component.alignments:
            if row.concept == component.label and row.flagged_share is not None:
                base = max(estimate.value for estimate in prevalence[row.concept].values())
                assert row.flagged_share > 0.9 * base


def test_the_same_model_with_other_templates_agrees_on_columns_entirely(record):
    """Column probes know no templates, so the first opinion differs in nothing but its words."""
    same = record.findings.opinions[0]
    (row,) = same.agreements
    assert row.n_same == row.n_first == row.n_second > 0
    assert row.kappa in (1.0, None)


def test_a_model_of_another_world_is_shown_to_differ(record):
    """The testbed's model knows generated pictures only; whatever it sees here, its labels stand apart."""
    other = record.findings.opinions[1]
    print("\n" + other.sentence)
    (row,) = other.agreements
    assert row.kappa is None or row.kappa < 0.9
    assert record.verdict.gates[0].estimate.value is not None
