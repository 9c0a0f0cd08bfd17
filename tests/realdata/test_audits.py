"""Whole audits of published models on real images; minutes, so `make test-long`."""

import csv
import json
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from auditlens import api
from auditlens.stages.states import ConceptState, GateState

HERE = Path(__file__).parent
DATA = HERE.parents[1] / ".." / "shared" / "data"
pytestmark = [
    pytest.mark.long,
    pytest.mark.realdata,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"the shared real data is not at {DATA}"),
]


@pytest.fixture(scope="module")
def nevus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nevus")
    begun = time.monotonic()
    record = api.audit(HERE / "nevus.yaml", out=folder / "run", store=folder / "store", allow_code=True)
    cold = time.monotonic() - begun
    begun = time.monotonic()
    again = api.audit(HERE / "nevus.yaml", out=folder / "again", store=folder / "store", allow_modules=["nevus_model"])
    warm = time.monotonic() - begun
    print(f"\nnevus audit: {cold:.0f} s cold, {warm:.0f} s from the store")
    return record, again, folder


def effect(record, artefact, true_class):
    finding = next(row for row in record.findings.artefacts if row.artefact == artefact)
    return next(row for row in finding.effects if (row.scale, row.true_class) == ("probability", true_class))


def test_a_ruler_in_clean_benign_images_raises_the_probability_of_melanoma(nevus):
    found = effect(nevus[0], "ruler", "Lunar")
    assert found.raw.low > 0.05
    assert found.beyond.low > 0.05
    assert found.share_raised > 0.7
    sham = found.sham
    assert abs(sham.value) < abs(found.raw.value) / 3


def test_the_ruler_gate_fails(nevus):
    states = {result.gate.id: result.state for result in nevus[0].verdict.gates}
    assert states["ruler_effect"] is GateState.FAILS
    assert states["false_alarm[ruler]"] is GateState.FAILS
    assert nevus[0].verdict.exit_code == 1


def test_components_of_artefacts_are_found_and_people_flagged_their_examples(nevus):
    record = nevus[0]
    found = record.findings.classes[0].components_by_concept
    assert {"ruler", "patch", "ink", "dark_corner"} <= set(found)
    flagged = [
        (alignment.flagged_share, alignment.concept)
        for component in record.findings.components
        for alignment in component.alignments
        if component.label == alignment.concept and alignment.flagged_share is not None
    ]
    assert flagged
    base = {"ruler": 0.52, "patch": 0.06, "ink": 0.18, "dark_corner": 0.4, "gel_border": 0.26, "gel_bubble": 0.49}
    assert np.mean([share > base.get(concept, 0.59) for share, concept in flagged]) == 1.0


def test_crops_of_labelled_components_are_pictures_in_the_run_folder(nevus):
    record, _, folder = nevus
    shown = [row for row in record.findings.components if row.examples and row.examples[0].file]
    assert len(shown) >= 10
    for row in shown[:5]:
        for example in row.examples[:4]:
            with Image.open(folder / "run" / example.file) as image:
                assert min(image.size) >= 20


def test_border_asymmetry_and_colour_are_unverified_and_nobodys_evidence(nevus):
    record = nevus[0]
    states = {row.concept: row for row in record.findings.concepts}
    for name in ("irregular_border", "ragged_border", "asymmetry", "many_colours", "blue_white_veil"):
        assert states[name].state is ConceptState.UNVERIFIED
        for remedy in ("column", "example images", "insertion", "assumption"):
            assert remedy in states[name].would_verify
    assert not any(a.counted for c in record.findings.components for a in c.alignments if a.concept == "ragged_border")
    assert all(row.state not in ("valid", "both") for row in record.findings.components)
    gates = {result.gate.id: result.state for result in record.verdict.gates}
    assert gates["seen[irregular_border]"] is GateState.NOT_EVALUATED


def test_observability_is_marked_as_in_sample(nevus):
    assert {row.in_sample for row in nevus[0].findings.concepts} == {"some"}


def test_the_repeat_is_the_same_byte_for_byte_and_comes_from_the_store(nevus):
    _, _, folder = nevus
    assert (folder / "run" / "record.json").read_bytes() == (folder / "again" / "record.json").read_bytes()
    run = json.loads((folder / "again" / "run.json").read_text())
    assert run["results_computed"] == 0


def test_an_imagenet_model_gives_examples_relevance_and_crops_but_no_words(tmp_path):
    manifest = tmp_path / "photos.csv"
    with manifest.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "label"])
        rows.writerows([path.name, path.name.split("_")[0]] for path in sorted((DATA / "imagenet_sample").iterdir()))
    record = api.audit(HERE / "squeezenet.yaml", out=tmp_path / "run", variables={"manifest": str(manifest)})
    assert record.plan.data.n_images == 125
    assert record.findings.performance.accuracy.value > 0.5
    assert len(record.findings.components) >= 3
    assert all((tmp_path / "run" / row.examples[0].file).is_file() for row in record.findings.components[:3])
    assert {row.state for row in record.findings.concepts} == {ConceptState.UNVERIFIED}
    assert {row.state for row in record.findings.components} <= {"unverified", "unexpected"}
    assert record.verdict.gates[0].state is GateState.NOT_EVALUATED
    assert record.verdict.exit_code == 3
