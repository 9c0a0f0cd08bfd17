"""Interaction against its definition: zero where the logit is a sum over two marks, the AND term where there is one."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pytest
import torch

from auditlens.challenge.combinations import Member, combined_picture
from auditlens.challenge.insertion import insert_chunk
from auditlens.challenge.rendering import Rendering
from auditlens.challenge.trials import Trial
from auditlens.data.images import load_rgb
from auditlens.findings.combinations import combination_findings
from auditlens.stages.combinations import CombinationEvidence, CombinationTrials
from auditlens.stages.evidence import Evidence, Predictions, Samples
from tests.unit.challenge.conftest import make_index  # noqa: F401  # a fixture
from tests.unit.challenge.scenes import FakeModel, artefact_of
from tests.unit.findings.test_doses import CLASSES, judged_plan, judged_spec

N, SEED = 24, 5
CORNERS = {"tag": slice(0, 8), "patch": slice(40, 48)}
MEMBERS = ("tag", "patch")


@dataclass(frozen=True)
class Corner:
    """A white square in one corner: the lesser of two marks that cannot touch each other, nor can their shams."""

    artefact: object
    at: slice
    n_instances: int = 1
    names: tuple[str, ...] = ("square",)

    def render(self, image, instance, rng, avoid_mask):
        after, alpha = image.copy(), np.zeros(image.shape[:2], np.float32)
        after[self.at, self.at], alpha[self.at, self.at] = 255, 1.0
        return Rendering(after, alpha)


def corner_means(batch):
    """Brightness of both corners, (images, 2), 0 to 1; the regions hold the squares and their shams."""
    return torch.stack([batch[:, :, :14, :14].mean(dim=(1, 2, 3)), batch[:, :, 34:, 34:].mean(dim=(1, 2, 3))], dim=1)


def is_white(batch):
    """Whether the squares are there, (images, 2)."""
    found = [batch[:, :, at, at].amin(dim=(1, 2, 3)) for at in CORNERS.values()]
    return (torch.stack(found, dim=1) > 0.999).float()


def additive(batch):
    tag, patch = corner_means(batch).T
    return torch.stack([torch.zeros(len(batch)), 3 * tag - 5 * patch], dim=1)


def with_and(batch):
    tag, patch = is_white(batch).T
    return additive(batch) + torch.stack([torch.zeros(len(batch)), 1.5 * tag * patch], dim=1)


def run(index, answer, sham, order=None):
    """Everything from pixels to the finding."""
    model, members = FakeModel(answer), {}
    for name, at in CORNERS.items():
        members[name] = Member(name, Corner(artefact_of("logo", sham=sham), at), dict.fromkeys(range(N), 0))
    rows = list(range(N)) if order is None else order
    found = {}
    for names in (("tag",), ("patch",), MEMBERS):
        show = partial(shown, index, [members[name] for name in names])
        trials, _ = insert_chunk(
            model,
            index,
            "+".join(names),
            members[names[0]].source,
            [Trial(row, 0, 0) for row in rows],
            seed=SEED,
            show=show,
        )
        found[names] = CombinationTrials(names, trials, np.zeros((N, len(names)), int))
    clean = torch.stack([model.prepare(load_rgb(sample)) for sample in index.samples])
    logits = model.logits(clean).numpy()
    labels = np.arange(N) % 2
    samples = Samples(tuple(map(str, range(N))), labels, np.arange(N), {}, labels)
    predictions = Predictions(logits, torch.softmax(torch.from_numpy(logits), 1).numpy())
    evidence = Evidence(samples, predictions, {}, {}, {}, None, {}, ())
    evidence = replace(evidence, combinations=CombinationEvidence((MEMBERS,), found))
    (finding,) = combination_findings(judged_spec("tag", "patch"), judged_plan(), evidence)
    return finding


def shown(index, members, trial):
    return combined_picture(index, members, trial, SEED)


@pytest.mark.parametrize("sham", ["texture", "none"])
def test_a_sum_over_two_marks_has_no_interaction_on_the_margin(make_index, sham):  # noqa: F811
    found = run(make_index(N), additive, sham)
    assert found.margin.value == pytest.approx(found.sum_of_singles.value, abs=1e-5)
    assert found.interaction.value == pytest.approx(0.0, abs=1e-5)
    assert found.interaction_raw.value == pytest.approx(0.0, abs=1e-5)
    assert abs(found.singles[0].value) > 0.1 and abs(found.singles[1].value) > 0.1
    assert found.sum_of_singles.value == pytest.approx(sum(one.value for one in found.singles))
    assert found.state == "no difference shown"


@pytest.mark.parametrize("sham", ["texture", "none"])
def test_what_needs_both_marks_is_the_interaction(make_index, sham):  # noqa: F811
    found = run(make_index(N), with_and, sham)
    assert found.interaction.value == pytest.approx(1.5, abs=1e-4)
    assert found.state == "above the sum"
    assert "1.50 log-odds more than their single effects add up to" in found.sentence
    assert found.probability_interaction.value != pytest.approx(1.5, abs=0.5)


def test_the_order_of_the_images_does_not_matter(make_index):  # noqa: F811
    index, order = make_index(N), np.random.default_rng(0).permutation(N).tolist()
    one, other = run(index, with_and, "texture"), run(index, with_and, "texture", order)
    for a, b in ((one.margin, other.margin), (one.interaction, other.interaction), (one.raw, other.raw)):
        assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high), abs=1e-6)


def test_the_classes_are_those_of_the_model():
    assert FakeModel(additive).classes == CLASSES
