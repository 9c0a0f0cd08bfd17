"""Concept examples from a set of their own: the audited images stay what relevance and behaviour are measured on."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from auditlens import api
from auditlens.report.write import write_all
from auditlens.spec.paths import share_folder
from auditlens.stages.states import ComponentState
from auditlens.testbed.scenes import write_dermoscopy

ARTEFACTS = ("band_aid", "hair", "ink", "red_skin", "dark_corner")


def copied(manifest: Path, prefix: str, keep=lambda name: True) -> Path:
    """A copy of a manifest with patients of its own and some of its columns."""
    with manifest.open(newline="") as file:
        rows = [{name: cell for name, cell in row.items() if keep(name)} for row in csv.DictReader(file)]
    written = manifest.with_name(f"{prefix}.csv")
    with written.open("w", newline="") as file:
        table = csv.DictWriter(file, rows[0].keys())
        table.writeheader()
        table.writerows({**row, "patient": f"{prefix}-{row['patient']}"} for row in rows)
    return written


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("examples")


@pytest.fixture(scope="module")
def manifests(folder):
    test, dev = (folder / name / write_dermoscopy(folder / name, n=n, seed=seed) for name, n, seed in SETS)
    bare = copied(dev, "bare", keep=lambda name: name in ("image", "label", "patient"))
    return {"test": test, "dev": copied(dev, "dev"), "bare": bare, "same": copied(test, "same")}


SETS = (("t", 160, 7), ("d", 320, 11))


@pytest.fixture(scope="module")
def audit(folder, manifests, store):
    def auditing(name, whole=False, **data):
        sets = {"test": {"role": "sealed", "manifest": str(manifests["test"]), "unit": "patient", "mask": "mask"}}
        if name is not None:
            sets[name] = {"role": "concept_examples", "manifest": str(manifests[name]), "unit": "patient"}
        document = {
            "auditlens": 1,
            "include": [str(share_folder("specs") / "demo_dermoscopy.yaml")],
            "model": {"reference_predictions": []},
            "data": {"generate": None, "unit": None, "mask": None, "sets": sets, **data},
            "artefacts": dict.fromkeys(ARTEFACTS),
            "examine": {"n_examples": 8, "max_components": 16, "ablation_images": 60 if whole else 0},
            "challenge": {"max_images_per_class": 20, "n_draws": 1000, "mediation_images": 30 if whole else 0},
        }
        spec = folder / f"{name}.yaml"
        spec.write_text(yaml.safe_dump(document))
        out = folder / f"run-{name}"
        return api.audit(spec, out=out, store=store, threads=1, batch_size=20, reports=False), spec

    return auditing


@pytest.fixture(scope="module")
def from_dev(audit):
    record, spec = audit("dev", whole=True)
    write_all(spec.with_name("run-dev"), record, ("report.html", "training_images.csv"))
    return record, spec


def test_examples_come_from_the_set_and_everything_else_from_the_audited_images(from_dev, folder):
    record, _ = from_dev
    names = set(pd.read_csv(folder / "d" / "dev.csv")["image"])
    components = record.findings.components
    assert {example.image_id for row in components for example in row.examples} <= names
    assert max(int(Path(example.image_id).stem) for row in components for example in row.examples) >= 160
    assert {row.relevance.n for row in components} == {160}
    assert record.findings.performance.accuracy.n == 160
    uses = {row.name: row.uses for row in record.plan.data.sets.sets}
    assert uses == {"test": ("audited",), "dev": ("concept examples",)}


def test_the_planted_ruler_is_found_from_the_set(from_dev):
    record, _ = from_dev
    spurious = [row for row in record.findings.components if row.state is ComponentState.SPURIOUS]
    assert "ruler" in {row.label for row in spurious}
    found = next(row for row in spurious if row.label == "ruler").best_spurious
    assert found.z_low < found.z < found.z_high
    assert found.flagged_share > 0.5  # people flagged the set's images
    assert {row.gate.id: row.state for row in record.verdict.gates}["false_alarm[ruler]"] == "fails"


def test_the_report_says_where_the_examples_are_from_and_shows_them(from_dev, folder):
    record, _ = from_dev
    out = folder / "run-dev"
    page = (out / "report.html").read_text()
    assert "here of the set dev, while relevance is measured on the audited images" in page
    assert "dev, for concept examples: 320 images" in page
    shown = [example for row in record.findings.components for example in row.examples if example.file]
    assert shown
    assert all((out / example.file).is_file() for example in shown)
    listed = pd.read_csv(out / "training_images.csv")
    assert len(listed) > 0
    assert "The images of the set dev that excite" in page


def test_the_crops_are_of_the_pictures_that_they_name(from_dev, folder):
    """Rows of the two sets must not be mixed up: both have an image 00003.png, and they differ."""
    from PIL import Image

    record, _ = from_dev
    example = next(e for row in record.findings.components for e in row.examples if e.file)
    left, top, right, bottom = example.box
    with Image.open(folder / "d" / example.image_id) as whole, Image.open(folder / "run-dev" / example.file) as crop:
        wanted = np.asarray(whole.convert("RGB"), float)[top:bottom, left:right]
        assert np.abs(wanted - np.asarray(crop.convert("RGB"), float)).mean() < 8  # JPEG


def test_the_plan_knows_the_passes_over_the_set(from_dev, store):
    _, spec = from_dev
    planned = api.plan(spec, store=store, threads=1, batch_size=20)
    steps = {step.title: step for step in planned.steps}
    assert steps["Clean pass: concept examples of dev"].items.low == 320
    assert steps["Foundation model: whole images of dev"].items.high == 320
    open_steps = [step.title for step in planned.steps if not step.cached]
    assert open_steps == []  # the run has stored everything, under the keys that the plan asks for


@pytest.mark.long
def test_without_flags_in_the_set_nothing_is_contradicted(audit):
    record, _ = audit("bare")
    ruler = [row for row in record.findings.components if row.label == "ruler"]
    assert ruler
    assert all(row.best_spurious.flagged_share is None for row in ruler)


@pytest.mark.long
def test_the_same_images_as_a_set_of_their_own_say_the_same(audit):
    """An oracle: examples of a copy of the audited set are those of the audited set."""
    other, _ = audit("same", forbidden_overlap={"on_overlap": "report"})
    alone, _ = audit(None)
    ours, theirs = ([row.model_dump() for row in record.findings.components] for record in (other, alone))
    assert ours == theirs
    assert other.findings.classes == alone.findings.classes
    gaps = [row.what for row in other.findings.not_evaluated]
    assert "independence of the sets test and same" in gaps


@pytest.mark.long
def test_the_set_is_audited_where_a_run_asks_for_it(from_dev, folder, store):
    _, spec = from_dev
    record = api.audit(
        spec, out=folder / "run-on-dev", store=store, threads=1, batch_size=20, data="dev", reports=False
    )
    assert (record.plan.data.sets.audited, record.plan.data.n_images) == ("dev", 320)
    assert record.plan.data.sets.examples is None
    assert not record.verdict.may_release
