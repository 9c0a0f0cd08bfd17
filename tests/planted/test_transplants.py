"""A ruler taken from example images by the audited model moves the model that reads rulers, and not its clean twin."""

import pytest

from auditlens import api

from .conftest import write_small_spec

pytestmark = pytest.mark.long


def audited(folder, store, kind, **fields):
    """Audit one of the pair with a transplanted ruler as its only artefact."""
    others = dict.fromkeys(("band_aid", "hair", "ink", "red_skin", "dark_corner", "ruler"))
    changes = {
        "artefacts": others | {"moved_ruler": {"kind": "transplant", "column": "ruler", **fields}},
        "foundation": None,
        "gates": {"detects": {"limit": ">= 0.40"}, "inside": None},
        "examine": {"ablation_images": 0, "max_components": 1},
        "challenge": {"max_images_per_class": 60, "n_draws": 2000, "response_images": 0, "erased_images": 0},
    }
    spec = write_small_spec(folder, kind, **changes)
    return api.audit(spec, out=folder / kind, store=store, threads=1, reports=False)


def effect(record):
    (artefact,) = [row for row in record.findings.artefacts if row.class_name == "melanoma"]
    return next(row for row in artefact.effects if row.scale == "probability" and row.true_class is None)


def test_the_planted_model_is_raised_beyond_the_sham(tmp_path, store):
    record = audited(tmp_path, store, "planted")
    (row,) = record.findings.transplants
    assert row.auroc.low > 0.8
    found = effect(record)
    assert found.raw.low > 0.5
    assert found.beyond.low > 0.5


def test_the_clean_twin_does_not_tell_rulers_at_its_last_layer_and_the_audit_says_so(tmp_path, store):
    record = audited(tmp_path, store, "clean")
    assert record.findings.transplants == ()
    (row,) = [row for row in record.findings.not_evaluated if row.what == "artefact moved_ruler"]
    assert "does not tell images with it from images without" in row.why
    gate = next(row for row in record.verdict.gates if row.gate.artefact == "moved_ruler")
    assert gate.state.value == "not evaluated"


def test_with_the_limit_lowered_the_clean_twin_is_not_raised(tmp_path, store):
    found = effect(audited(tmp_path, store, "clean", least_auroc=0.5))
    assert found.beyond.high < 0.05
    assert found.raw.value < 0.1
