"""An atlas with flags shows what the foundation model sees, although the audited images have none."""

import csv
import random
from pathlib import Path

import pytest
import yaml

from auditlens import api
from auditlens.spec.paths import share_folder
from auditlens.stages.states import ConceptState
from auditlens.testbed.scenes import write_dermoscopy

FLAGS = ("ruler", "band_aid")
ARTEFACTS = ("ruler", "band_aid", "hair", "ink", "red_skin", "dark_corner")


def rewritten(manifest: Path, name: str, prefix: str, change) -> str:
    """Write a changed copy of a manifest beside it, its patients renamed."""
    with manifest.open(newline="") as file:
        rows = list(csv.DictReader(file))
    change(rows)
    with (manifest.parent / name).open("w", newline="") as file:
        table = csv.DictWriter(file, rows[0].keys())
        table.writeheader()
        table.writerows({**row, "patient": f"{prefix}-{row['patient']}"} for row in rows)
    return str(manifest.parent / name)


def without_flags(rows):
    for row in rows:
        for name in [*row]:
            if name not in ("image", "label", "patient"):
                del row[name]


def shuffled(rows):
    """Flags that have nothing to do with the images."""
    for name in FLAGS:
        cells = [row[name] for row in rows]
        random.Random(3).shuffle(cells)
        for row, cell in zip(rows, cells, strict=True):
            row[name] = cell


@pytest.fixture(scope="module")
def audit(tmp_path_factory, store):
    folder = tmp_path_factory.mktemp("sets")
    test = write_dermoscopy(folder / "test", n=40, seed=7)
    atlas = write_dermoscopy(folder / "atlas", n=320, seed=11)
    test = rewritten(folder / "test" / test, "bare.csv", "t", without_flags)

    def auditing(kind, change):
        manifest = rewritten(folder / "atlas" / atlas, f"{kind}.csv", "a", change)
        document = {
            "auditlens": 1,
            "include": [str(share_folder("specs") / "demo_dermoscopy.yaml")],
            "model": {"reference_predictions": []},
            "data": {
                "generate": None,
                "unit": None,
                "mask": None,
                "sets": {
                    "test": {"role": "sealed", "manifest": test, "unit": "patient"},
                    "atlas": {"role": "observability", "manifest": manifest, "unit": "patient"},
                },
            },
            "artefacts": dict.fromkeys(ARTEFACTS),
            "examine": {"n_examples": 4, "max_components": 2, "ablation_images": 0},
            "gates": {
                **dict.fromkeys(("missed", "false_alarm", "beyond_sham", "inside")),
                "seen": {"metric": "observability", "concept": "ruler", "limit": ">= 0.80"},
            },
        }
        (folder / f"{kind}.yaml").write_text(yaml.safe_dump(document))
        return api.audit(folder / f"{kind}.yaml", out=folder / f"run-{kind}", store=store, threads=1, batch_size=20)

    return auditing


def test_the_flags_of_the_atlas_show_what_is_seen(audit):
    record = audit("atlas", lambda rows: None)
    concepts = {row.concept: row for row in record.findings.concepts}
    for name in FLAGS:
        found = concepts[name]
        assert (found.state, found.source, found.measured_on) == (ConceptState.OBSERVABLE, "column", "atlas")
        assert found.auroc.n == 320
        assert found.prevalence == {}  # how frequent it is among the audited images, nobody said
    gates = {row.gate.id: row for row in record.verdict.gates}
    assert gates["seen"].state == "holds"
    assert gates["seen"].estimate.n == 320
    assert (record.plan.data.n_images, record.findings.performance.auroc.n) == (40, 40)
    planned = {row.name: row.uses for row in record.plan.data.sets.sets}
    assert planned == {"test": ("audited",), "atlas": ("observability",)}


def test_flags_that_have_nothing_to_do_with_the_images_show_nothing(audit):
    record = audit("shuffled", shuffled)
    concepts = {row.concept: row for row in record.findings.concepts}
    assert all(concepts[name].state is not ConceptState.OBSERVABLE for name in FLAGS)
    gates = {row.gate.id: row for row in record.verdict.gates}
    assert gates["seen"].state != "holds"
