"""Silenced groups of a model that is linear in its components, so that every change is known."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from auditlens.findings.ablation import ablation_agreements, ablation_changes, ablation_findings, rank_correlation
from auditlens.findings.ablation_groups import LARGEST_GAP, ablation_groups
from auditlens.findings.labels import Labels
from auditlens.stages.ablation import AblationGroup, Ablations
from auditlens.stages.evidence import LayerRelevance
from auditlens.stages.states import ComponentState

N_IMAGES, N_COMPONENTS = 60, 40
WEIGHTS = np.linspace(2, 0.05, N_COMPONENTS) * np.where(np.arange(N_COMPONENTS) % 3, 1, -1)


@pytest.fixture
def world():
    """Margin = sum of activation x weight; relevance = its terms' shares."""
    rng = np.random.default_rng(0)
    activations = rng.gamma(2, 0.5, (N_IMAGES, N_COMPONENTS))
    terms = activations * WEIGHTS
    relevance = terms / np.abs(terms).sum(axis=1, keepdims=True)
    bias = -np.median(terms.sum(axis=1))
    labels = (terms.sum(axis=1) + bias > 0.1).astype(int)
    groups = (
        *(AblationGroup("component", f"l:{k}", "", (k,)) for k in range(0, N_COMPONENTS, 2)),
        AblationGroup("label", "ruler", "tumour", (0, 3, 6)),
        AblationGroup("random", "label:ruler", "tumour", (1, 4, 8)),
        AblationGroup("random", "label:ruler", "tumour", (2, 5, 7)),
        AblationGroup("label", "ink", "cyst", (1,)),
    )

    def logits(silenced):
        kept = np.delete(terms, list(silenced), axis=1).sum(axis=1) + bias
        return np.column_stack([np.zeros(N_IMAGES), kept])

    ablations = Ablations(
        "l", groups, np.arange(N_IMAGES), logits(()), np.stack([logits(group.components) for group in groups])
    )
    model = SimpleNamespace(
        classes=("cyst", "tumour"), decision_class="tumour", threshold=0.5, output="logits", layers=("l",),
        component_id=lambda layer, component: f"{layer}:{component}",
    )  # fmt: skip
    plan = SimpleNamespace(model=model, audited_classes=("tumour",), seed=0)
    evidence = SimpleNamespace(
        ablations={"l": ablations},
        relevance={("l", "tumour"): LayerRelevance("l", "tumour", "exact", relevance)},
        samples=SimpleNamespace(labels=labels, units=np.arange(N_IMAGES)),
    )
    return SimpleNamespace(plan=plan, evidence=evidence, terms=terms, bias=bias, labels=labels, relevance=relevance)


def changes(world):
    return ablation_changes(world.plan, world.evidence)


def test_a_group_takes_its_own_terms_from_the_margin(world):
    found = {(row.kind, row.name): row for row in ablation_findings(world.evidence, changes(world))}
    ruler = found["label", "ruler"]
    lost = -world.terms[:, [0, 3, 6]].sum(axis=1)
    assert ruler.margin.value == pytest.approx(lost.mean())
    assert ruler.margin.low < lost.mean() < ruler.margin.high
    assert ruler.magnitude == pytest.approx(np.abs(lost).mean())
    assert ruler.relevance_share == pytest.approx(np.abs(world.relevance[:, [0, 3, 6]]).sum(axis=1).mean())
    controls = [np.abs(world.terms[:, list(members)].sum(axis=1)) for members in ((1, 4, 8), (2, 5, 7))]
    assert ruler.random_magnitude == pytest.approx(np.mean(controls))
    assert ruler.beyond_random.value == pytest.approx((np.abs(lost) - np.mean(controls, axis=0)).mean())
    assert ruler.n_random == 2


def test_accuracy_and_decisions_are_counted_at_the_operating_point(world):
    ruler = next(row for row in ablation_findings(world.evidence, changes(world)) if row.name == "ruler")
    before = world.terms.sum(axis=1) + world.bias >= 0
    after = np.delete(world.terms, [0, 3, 6], axis=1).sum(axis=1) + world.bias >= 0
    assert ruler.decisions.value == pytest.approx((before != after).mean())
    right = [(said == (world.labels == 1)).mean() for said in (before, after)]
    assert ruler.accuracy.value == pytest.approx(right[1] - right[0])
    assert ruler.decisions.value > 0


def test_groups_of_another_class_and_random_ones_are_no_findings(world):
    names = {(row.kind, row.name) for row in ablation_findings(world.evidence, changes(world))}
    assert ("label", "ink") not in names
    assert not any(kind == "random" for kind, _ in names)


def test_exact_relevance_ranks_as_silencing_does(world):
    (row,) = ablation_agreements(world.evidence, changes(world))
    assert row.rank_correlation.value > 0.95
    assert row.n_components == N_COMPONENTS // 2
    shuffled = world.relevance[:, ::-1]
    world.evidence.relevance["l", "tumour"] = LayerRelevance("l", "tumour", "wrong", shuffled)
    (row,) = ablation_agreements(world.evidence, changes(world))
    assert row.rank_correlation.value < -0.9


def test_the_rank_correlation_is_spearmans_with_its_interval():
    rng = np.random.default_rng(1)
    first = rng.normal(size=30)
    second = first + rng.normal(size=30)
    found = rank_correlation(first, second)
    assert found.value == pytest.approx(stats.spearmanr(first, second).statistic)
    assert -1 < found.low < found.value < found.high < 1
    assert rank_correlation(first[:5], second[:5]).value is None
    assert rank_correlation(np.ones(30), second).value is None


@pytest.fixture
def labels():
    states = [ComponentState.UNEXPECTED] * N_COMPONENTS
    names = [None] * N_COMPONENTS
    for component, state in ((4, ComponentState.SPURIOUS), (9, ComponentState.BOTH), (12, ComponentState.VALID)):
        states[component], names[component] = state, "border" if state is ComponentState.VALID else "ruler"
    return {("l", "tumour"): Labels(tuple(states), tuple(names))}


def test_groups_are_the_labels_and_states_with_matched_controls(world, labels):
    spec = SimpleNamespace(examine=SimpleNamespace(relevance_floor="auto", max_components=10))
    groups = ablation_groups(spec, world.plan, world.evidence, labels, "l")
    by_name = {(group.kind, group.name): group.components for group in groups if group.kind in ("label", "state")}
    assert by_name["label", "ruler"] == (4, 9)
    assert by_name["state", "spurious"] == (4, 9)
    assert by_name["state", "valid"] == (9, 12), "what is both is in both groups"
    assert ("random", "state:unexpected") not in {(group.kind, group.name) for group in groups}, "too few others"
    magnitude = np.abs(world.relevance).mean(axis=0)
    controls = [group.components for group in groups if (group.kind, group.name) == ("random", "label:ruler")]
    assert len(controls) == 4
    wanted = magnitude[[4, 9]].sum()
    for members in controls:
        assert len(members) == 2 and not {4, 9} & set(members)
        assert abs(magnitude[list(members)].sum() - wanted) <= LARGEST_GAP * wanted


def test_single_components_cover_both_ends_of_relevance(world, labels):
    spec = SimpleNamespace(examine=SimpleNamespace(relevance_floor="auto", max_components=10))
    groups = ablation_groups(spec, world.plan, world.evidence, labels, "l")
    single = {group.components[0] for group in groups if group.kind == "component"}
    order = np.argsort(-np.abs(world.relevance).mean(axis=0))
    assert {int(order[0]), int(order[-1])} <= single
    assert groups == ablation_groups(spec, world.plan, world.evidence, labels, "l"), "drawn from the plan's seed"
