"""Images that already carry an artefact, told by the score of its concept."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from auditlens.errors import SpecError
from auditlens.findings.cleaning import cleaning_sentence
from auditlens.gather.carriers import best_threshold, carriers, scored_concepts
from auditlens.gather.resolve import planned_foundation
from auditlens.gather.space import semantic_space
from auditlens.gather.trials import artefact_sources, artefact_trials, trial_rows
from auditlens.spec.load import load_spec
from tests.e2e.test_bad_input import write_table
from tests.unit.gather.test_space import wordless  # noqa: F401  # a fixture

RED = {"kind": "tint", "colour": [231, 128, 151], "clean_by": {"score": "redness"}}
REDDENED = {16, 17, 23, 29}
FOUNDATION = {"model": "timm:mean_colour", "pretrained": "weights.pth"}


def redden(path, target):
    pixels = np.asarray(Image.open(path)).astype(float) * [1.0, 0.4, 0.5]
    target.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(target)


@pytest.fixture
def scored(project, make_context, wordless):  # noqa: F811
    """Four of thirty pictures are reddened; ten others, reddened too, are the examples of the concept."""

    def make(concept=None, artefact=None, cells=None, reddened=REDDENED):
        pictures = sorted((project.folder / "images").rglob("*.png"))
        if not (project.folder / "refs").exists():
            for place in (8, 10, 12, 14, 15, 18, 20, 22, 24, 26):
                redden(pictures[place], project.folder / "refs" / f"{place}.png")
            for place in reddened:
                redden(pictures[place], pictures[place])
        if cells is not None:
            write_table(project, red=0)
            table = project.folder / "table.csv"
            head, *rows = table.read_text().splitlines()
            rows = [row.rsplit(",", 1)[0] + f",{cells(place)}" for place, row in enumerate(rows)]
            table.write_text("\n".join([head, *rows]) + "\n")
        (project.folder / "weights.pth").write_bytes(b"")
        project.change(
            {
                "concepts": {"redness": concept or {"images": "refs"}},
                "artefacts": {"red_skin": artefact or RED},
                "foundation": FOUNDATION,
            }
        )
        context = make_context(wordless)
        plan = SimpleNamespace(
            audited_classes=(),
            foundation=planned_foundation(context.spec, wordless),
            model=SimpleNamespace(classes=context.subject.classes),
        )
        context.carriers.update(carriers(context, plan, semantic_space(context, {})))
        return context

    return make


def test_by_example_images(scored):
    context = scored()
    found = context.carriers["redness"]
    assert (found.why, found.source) == ("", "images")
    assert set(np.flatnonzero(found.holds)) == REDDENED
    assert found.share_of_examples == 1.0
    assert trial_rows(context, context.spec.artefacts["red_skin"]) == tuple(
        row for row in range(30) if row not in REDDENED
    )
    evidence = SimpleNamespace(carriers=context.carriers, samples=context.samples)
    said = cleaning_sentence(context.spec.artefacts["red_skin"], evidence)
    assert said.startswith("Clean by score: of 30 images without a flag, 4 with a score for 'redness' above")
    assert said.endswith("100 % of its examples and 13 % of all images lie above.")


def test_flags_win_and_scores_decide_where_nobody_looked(scored):
    """Picture 16 is red and flagged clean, 1 is not and flagged; the last ones were not looked at."""
    flags = {0: 0, 1: 1}
    context = scored(artefact={**RED, "column": "red"}, cells=lambda place: flags.get(place, 0) if place < 17 else "")
    rows = trial_rows(context, context.spec.artefacts["red_skin"])
    assert rows == tuple(row for row in range(30) if row not in {1, 17, 23, 29})


def test_by_a_column_that_is_filled_in_part(scored):
    """Every other picture is red; the flags of the last of either class are empty, and their scores tell."""
    concept = {"column": "red", "probe": "mean"}
    red = set(range(0, 30, 2))
    context = scored(concept, cells=lambda place: int(place in red) if place % 15 < 13 else "", reddened=red)
    found = context.carriers["redness"]
    assert (found.why, found.source) == ("", "column")
    assert set(np.flatnonzero(found.holds)) == red


def test_a_concept_that_nothing_shows_to_be_seen_leaves_no_image_and_says_why(scored):
    context = scored({"images": "images/benign", "texts": ["red"]})
    found = context.carriers["redness"]
    assert found.holds.all()
    assert found.why.startswith("the score of redness cannot tell: the AUROC")
    trials, (skipped,) = artefact_trials(context, artefact_sources(context))
    assert trials == {}
    assert (skipped.what, skipped.why) == ("artefact red_skin", found.why)


def test_an_assumption_does_not_suffice(scored):
    concept = {"images": "images/benign", "assume_observable": {"owner": "dr.ito", "reason": "seen before"}}
    assert "rests on assumption, not on a column or example images" in scored(concept).carriers["redness"].why


def test_only_what_artefacts_ask_for(project):
    assert scored_concepts(load_spec(project.spec).spec) == ()


scores = st.lists(st.integers(-8, 8), min_size=1, max_size=20).map(lambda values: np.array(values) / 4)


@settings(deadline=None)
@given(scores, scores)
def test_the_threshold_is_the_best_of_all(examples, others):
    def gap(threshold):
        return np.mean(examples > threshold) - np.mean(others > threshold)

    found = best_threshold(examples, others)
    assert gap(found) == pytest.approx(max(gap(t) for t in np.arange(-20, 21) / 8))


@settings(deadline=None)
@given(scores, scores, st.integers(1, 5))
def test_examples_among_the_others_do_not_move_it(examples, others, copies):
    """All images hold carriers too: mixing examples in (and as many of each) keeps the place of the best threshold."""
    mixed = np.concatenate([np.repeat(others, len(examples)), np.tile(examples, copies * len(others))])
    clean, found = best_threshold(examples, others), best_threshold(examples, mixed)

    def gap(threshold):
        return np.mean(examples > threshold) - np.mean(others > threshold)

    assert gap(found) == pytest.approx(gap(clean))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"foundation": None}, "a score needs a foundation model; add `foundation`"),
        ({"concepts": {"rednes": {"texts": ["red"]}}}, "there is no concept 'redness'; valid are rednes; did you mean"),
        ({"concepts": {"redness": {"texts": ["red"]}}}, "has neither example images nor a column"),
    ],
)
def test_what_a_score_needs_is_told_before_anything_is_read(project, changes, said):
    (project.folder / "weights.pth").write_bytes(b"")
    project.document["concepts"] = changes.get("concepts", {"redness": {"images": "images"}})
    project.change({"artefacts": {"red_skin": RED}, "foundation": changes.get("foundation", FOUNDATION)})
    with pytest.raises(SpecError) as error:
        load_spec(project.spec)
    told = " ".join(error.value.problems)
    assert "artefacts.red_skin.clean_by.score: " in told
    assert said in told
