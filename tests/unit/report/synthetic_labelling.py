"""The labelling part of the synthetic audit: unexplained components, a vocabulary, layers and sets compared."""

from __future__ import annotations

from typing import Any

from auditlens.stages.findings import ComponentFinding, Estimate
from auditlens.stages.labelling import (
    ClassCount,
    ClassUse,
    Faithfulness,
    RelevantImage,
    SetSimilarity,
    UnexpectedComponent,
    UnlistedShare,
    VocabularyFinding,
    WordCount,
    WordLabel,
)
from auditlens.stages.states import ComponentState

LAYER = "features.18"


def around(value: float, half: float) -> Estimate:
    return Estimate(value=value, low=round(value - half, 6), high=round(value + half, 6), n=412, n_units=388)


def make_labelling(components: tuple[ComponentFinding, ...]) -> dict[str, Any]:
    """Fields of `Findings`, over components made elsewhere."""
    return {
        "unexpected": tuple(make_unexpected(row) for row in open_components(components)),
        "unlisted": UNLISTED,
        "vocabulary": (make_vocabulary(components),),
        "set_similarity": (similarity("features.10", LAYER, 0.713), similarity(LAYER, "features.10", 0.808)),
        "faithfulness": tuple(make_faithfulness(row, place) for place, row in enumerate(components[:3])),
    }


def make_vocabulary(components: tuple[ComponentFinding, ...]) -> VocabularyFinding:
    """Two words in two categories; every second component carries the decided one."""
    rows = {row.id: row for row in components}
    labels = tuple(
        WordLabel(
            id=row.id,
            layer=LAYER,
            index=row.index,
            by="crops",
            nearest="shades of brown",
            raw=0.06,
            paper_label="shades of brown",
            word="measuring scale",
            z=7.5,
            family_z=4.0,
            label="measuring scale" if place % 2 else None,
        )
        for place, row in enumerate(rows.values())
    )
    n_decided = sum(row.label is not None for row in labels)
    return VocabularyFinding(
        layer=LAYER,
        n_words=111,
        n_components=len(labels),
        raw_threshold=0.025,
        z_threshold=3.0,
        random_paper=0.987,
        random_decided=0.004,
        categories=(
            WordCount(name="C colour", n_paper=len(labels), n_decided=0, shares={"melanoma": around(0.0, 0.0)}),
            WordCount(name="spurious", n_paper=0, n_decided=n_decided, shares={"melanoma": around(0.213, 0.02)}),
            WordCount(name="benign", n_paper=0, n_decided=0, shares={"melanoma": around(0.0, 0.0)}),
        ),
        words=(
            WordCount(name="measuring scale", category="spurious", n_paper=0, n_decided=n_decided),
            WordCount(name="shades of brown", category="C colour", n_paper=len(labels), n_decided=0),
        ),
        components=labels,
    )


def similarity(source: str, target: str, value: float) -> SetSimilarity:
    return SetSimilarity(source=source, target=target, n_source=40, n_target=40, similarity=around(value, 0.02))


def make_faithfulness(row: ComponentFinding, place: int) -> Faithfulness:
    return Faithfulness(
        id=row.id,
        layer=row.layer,
        index=row.index,
        label="ruler",
        column="has_ruler",
        phi=(1.0, 0.42, 0.07)[place],
        strongest="has_ruler" if place == 0 else "melanoma",
        n_labels=6,
        n_images=118,
    )


def open_components(components: tuple[ComponentFinding, ...]) -> list[ComponentFinding]:
    """The unexpected components, then the unverified ones, as one class sees them."""
    states = (ComponentState.UNEXPECTED, ComponentState.UNVERIFIED)
    return [row for state in states for row in components if row.state is state and row.class_name == "melanoma"]


def make_unexpected(row: ComponentFinding) -> UnexpectedComponent:
    use = {"relevance": row.relevance}
    return UnexpectedComponent(
        id=row.id,
        layer=row.layer,
        index=row.index,
        state=row.state,
        label=row.label,
        uses=(
            ClassUse(class_name="melanoma", state=row.state, direction=row.direction, **use),
            ClassUse(class_name="benign", state=ComponentState.VALID, direction=-row.direction, **use),
        ),
        examples_by_class=(
            ClassCount(true_class="benign", n_examples=14, base_rate=0.721),
            ClassCount(true_class="melanoma", n_examples=6, base_rate=0.279),
        ),
        nearest=row.best_valid,
        images=tuple(make_image(row, place) for place in range(min(6, len(row.examples)))),
    )


def make_image(row: ComponentFinding, place: int) -> RelevantImage:
    example = row.examples[place]
    return RelevantImage(
        image_id=example.image_id,
        true_class=example.label,
        class_name="melanoma",
        share=(-1) ** place * 0.17 / (place + 1),
        probability=0.4,
        file=example.file if row.state is ComponentState.UNEXPECTED else None,
    )


def unlisted(state: ComponentState, n_unlisted: int, share: float) -> UnlistedShare:
    return UnlistedShare(
        layer=LAYER,
        class_name="melanoma",
        state=state,
        n_listed=2,
        listed=around(0.071, 0.01),
        n_unlisted=n_unlisted,
        unlisted=around(share, 0.008),
    )


UNLISTED = (unlisted(ComponentState.UNEXPECTED, 31, 0.047), unlisted(ComponentState.UNVERIFIED, 0, 0.0))
