"""The list of unexplained components, against what is put in by hand."""

import numpy as np
import pytest

from auditlens.findings.labels import Labels
from auditlens.findings.unexpected import N_IMAGES, Inventory, unexpected_components, unlisted_shares
from auditlens.stages.evidence import Evidence, LayerRelevance, Predictions, Samples
from auditlens.stages.findings import Alignment, ComponentFinding, Estimate, Example
from auditlens.stages.states import ComponentState as State

CLASSES = ("benign", "melanoma", "naevus")
N = 40


def relevance(layer, name, seed):
    shares = np.random.default_rng(seed).normal(size=(N, 5))
    return LayerRelevance(layer, name, "lrp", shares / np.abs(shares).sum(axis=1, keepdims=True))


@pytest.fixture
def evidence():
    rng = np.random.default_rng(0)
    labels = np.arange(N) % 3
    samples = Samples(tuple(f"{row}.png" for row in range(N)), labels, np.arange(N) // 2, {}, labels)
    probabilities = rng.dirichlet(np.ones(3), N)
    places = [(layer, name) for layer in ("early", "late") for name in CLASSES[:2]]
    return Evidence(
        samples=samples,
        predictions=Predictions(np.log(probabilities), probabilities),
        examples={"early": None, "late": None},
        relevance={place: relevance(*place, seed) for seed, place in enumerate(places)},
        components={},
        space=None,
        trials={},
        skipped=(),
    )


def finding(layer, index, state, share, class_name="melanoma", examples=("melanoma", "naevus", "melanoma")):
    return ComponentFinding(
        id=f"{layer}:{index}",
        layer=layer,
        index=index,
        class_name=class_name,
        state=state,
        label=None,
        relevance=Estimate(value=share),
        relevance_quantile=Estimate(value=share),
        relevance_max=share,
        direction=-share,
        best_valid=None,
        best_spurious=None,
        alignments=(Alignment(concept="ink", raw=0.1, z=2.0, passes=False, counted=True),),
        clarity=None,
        polysemanticity=None,
        nearest_component=None,
        similarity=None,
        examples=tuple(
            Example(image_id=f"{n}.png", box=(0, 0, 1, 1), file=None, label=name, activation=1.0)
            for n, name in enumerate(examples)
        ),
    )


def inventory(evidence, cap=12, **states):
    labels = {place: Labels(states.get(place[0], (State.UNEXPECTED,) * 5), (None,) * 5) for place in evidence.relevance}
    return Inventory(evidence, CLASSES, labels, cap)


def test_unexpected_before_unverified_and_the_last_layer_first_each_by_relevance(evidence):
    rows = [
        finding("late", 0, State.UNVERIFIED, 0.9),
        finding("early", 1, State.UNEXPECTED, 0.8),
        finding("late", 1, State.UNEXPECTED, 0.1),
        finding("late", 2, State.UNEXPECTED, 0.2),
        finding("late", 3, State.VALID, 0.7),
    ]
    found = unexpected_components(inventory(evidence), rows)
    assert [row.id for row in found] == ["late:2", "late:1", "early:1", "late:0"]
    assert found[0].nearest.concept == "ink"


def test_a_component_that_one_class_explains_is_listed_for_the_other_with_both_uses(evidence):
    rows = [
        finding("late", 2, State.VALID, 0.3, "benign"),
        finding("late", 2, State.UNEXPECTED, 0.2, "melanoma"),
    ]
    (found,) = unexpected_components(inventory(evidence), rows)
    assert found.state is State.UNEXPECTED
    assert [(use.class_name, use.state) for use in found.uses] == [
        ("benign", State.VALID),
        ("melanoma", State.UNEXPECTED),
    ]


def test_counts_of_the_true_classes_stand_beside_their_base_rate(evidence):
    (found,) = unexpected_components(inventory(evidence), [finding("late", 0, State.UNEXPECTED, 0.2)])
    assert [(row.true_class, row.n_examples) for row in found.examples_by_class] == [("melanoma", 2), ("naevus", 1)]
    assert found.examples_by_class[0].base_rate == pytest.approx(13 / 40)


def test_its_images_are_those_of_the_largest_share_for_any_class_with_sign_and_probability(evidence):
    (found,) = unexpected_components(inventory(evidence), [finding("late", 3, State.UNEXPECTED, 0.2)])
    slow = []
    for row in range(N):
        both = {name: evidence.relevance["late", name].relevance[row, 3] for name in CLASSES[:2]}
        name = max(both, key=lambda one: abs(both[one]))
        slow.append((-abs(both[name]), f"{row}.png", name, both[name], CLASSES[evidence.samples.labels[row]], row))
    for image, (_, image_id, name, share, true_class, row) in zip(found.images, sorted(slow), strict=False):
        assert (image.image_id, image.class_name, image.true_class) == (image_id, name, true_class)
        assert image.share == share
        assert image.probability == evidence.predictions.probabilities[row, CLASSES.index(name)]
    assert len(found.images) == N_IMAGES
    assert any(image.share < 0 for image in found.images)


def test_what_the_cap_leaves_out_is_counted_and_its_share_named(evidence):
    rows = [finding("late", index, State.UNEXPECTED, 0.1 * (5 - index)) for index in range(3)]
    of = inventory(evidence, cap=2, late=(State.UNEXPECTED,) * 4 + (State.VALID,), early=(State.VALID,) * 5)
    listed = unexpected_components(of, rows)
    assert [row.index for row in listed] == [0, 1]
    shares = {row.class_name: row for row in unlisted_shares(of, listed)}
    assert set(shares) == {"benign", "melanoma"}
    for name, row in shares.items():
        values = np.abs(evidence.relevance["late", name].relevance)
        assert (row.n_listed, row.n_unlisted) == (2, 2)
        assert row.listed.value == pytest.approx(values[:, :2].sum(axis=1).mean())
        assert row.unlisted.value == pytest.approx(values[:, 2:4].sum(axis=1).mean())
        assert row.unlisted.low < row.unlisted.value < row.unlisted.high


def test_without_relevance_on_an_image_the_image_is_not_shown(evidence):
    for name in CLASSES[:2]:
        evidence.relevance["late", name].relevance[2:, 4] = 0.0
    (found,) = unexpected_components(inventory(evidence), [finding("late", 4, State.UNEXPECTED, 0.2)])
    assert sorted(image.image_id for image in found.images) == ["0.png", "1.png"]
