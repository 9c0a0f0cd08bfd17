"""A model whose margin counts dark pixels: more of a dark artefact must move every image further."""

import numpy as np
import pytest
import torch

from auditlens.challenge.doses import dosed
from auditlens.challenge.insertion import insert_chunk
from auditlens.challenge.instances import load_artefact
from auditlens.challenge.trials import plan_trials
from auditlens.data.images import load_rgb
from auditlens.findings.artefacts import Trials
from auditlens.findings.decision import OperatingPoint
from auditlens.findings.doses import dose_findings
from auditlens.stages.doses import DoseTrials
from auditlens.stages.evidence import Evidence, Predictions, Samples
from tests.unit.challenge.conftest import make_index  # noqa: F401  # a fixture
from tests.unit.challenge.scenes import FakeModel, artefact_of
from tests.unit.findings.test_doses import CLASSES, gate, judged_plan, judged_spec

N = 24
DARK = 60 / 255


def counting(batch):
    """Two logits; the margin is eight times the share of dark pixels, minus two."""
    share = (batch.amax(dim=1) < DARK).float().mean(dim=(1, 2))
    return torch.stack([torch.zeros(len(batch)), 8 * share - 2], dim=1)


def curve(index, kind, dimension, levels, sham="none", **fields):
    """Everything from pixels to the finding, and the margins by level."""
    model = FakeModel(counting)
    source = load_artefact(artefact_of(kind, sham=sham, **fields), None, 1)
    planned = plan_trials(index, "mark", source, range(N), seed=0)
    trials = tuple(
        insert_chunk(model, index, "mark", dosed(source, dimension, level), planned, seed=0)[0] for level in levels
    )
    logits = model.logits(torch.stack([model.prepare(load_rgb(sample)) for sample in index.samples])).numpy()
    labels = np.arange(N) % 2
    samples = Samples(tuple(map(str, range(N))), labels, np.arange(N), {}, labels)
    predictions = Predictions(logits, torch.softmax(torch.from_numpy(logits), 1).numpy())
    dose = DoseTrials("mark", dimension, tuple(map(float, levels)), trials)
    evidence = Evidence(samples, predictions, {}, {}, {}, None, {}, (), doses=(dose,))
    first = Trials(trials[0], samples, predictions, OperatingPoint(1, 0.5, CLASSES), 1000, 0)
    limit = gate("artefact_effect", "within", 0.05)
    (found,) = dose_findings(judged_spec("mark"), judged_plan(limit), evidence, {"mark": first})
    return found, np.column_stack([row.logits[:, 1] - row.logits[:, 0] for row in trials])


@pytest.mark.parametrize(
    ("kind", "dimension", "levels"),
    [
        ("dark_corner", "scale", (0.6, 1.0, 1.6)),
        ("dark_corner", "opacity", (0.3, 0.7, 1.0)),
        ("collimator", "scale", (0.5, 1.0, 2.0)),
    ],
)
def test_more_of_a_dark_artefact_moves_every_image_further(make_index, kind, dimension, levels):  # noqa: F811
    found, margins = curve(make_index(N), kind, dimension, levels, avoid="nothing")
    assert (np.diff(margins, axis=1) >= -1e-6).all()
    assert (margins[:, -1] > margins[:, 0]).any()
    assert found.shape == "rises"
    assert found.slope.low > 0 and found.rank.low > 0
    assert not any(step.against for step in found.steps)


def test_more_copies_are_more_dark_pixels_and_break_the_limit_in_order(make_index):  # noqa: F811
    found, margins = curve(make_index(N), "hair", "count", (1, 3, 9), avoid="nothing", scale=(2.0, 2.0))
    # a fair hair over a dark place takes dark pixels away, so it is the mean that must rise
    assert (np.diff(margins.mean(axis=0)) > 0).all()
    assert found.shape == "rises"
    limit = found.limits[0]
    assert limit.smallest_outside is not None and limit.back_inside == ()


def test_position_moves_nothing_that_only_counts(make_index):  # noqa: F811
    found, margins = curve(make_index(N), "logo", "position", (0.0, 0.25, 0.4))
    assert np.abs(np.diff(margins, axis=1)).max() < 0.15
    assert found.shape == "no trend shown"
