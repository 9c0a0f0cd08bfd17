"""Is the eager twin the model that ships? Measured on all audited images, before anything inside is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch

from auditlens.data.loader import batches
from auditlens.errors import ModelError
from auditlens.findings.decision import OperatingPoint
from auditlens.gather.behaviour import eager_pass, released_pass
from auditlens.gather.context import Context
from auditlens.gather.released import without_inside
from auditlens.gather.resolve import planned_model
from auditlens.stages.evidence import Floats, Ints, Predictions
from auditlens.stages.plan import PlannedReleased
from auditlens.subject.behaving import Behaving
from auditlens.subject.released import ReleasedModel

N_PROBES: Final = 16
"""Images on which a twin that is another model is found out before any long work."""
REMEDY: Final = (
    "check `model.weights`, `model.released.preprocessing` and `model.released.output`; a file that computes in lower "
    "precision needs a larger `model.released.tolerance`; without `model.architecture` only behaviour is audited"
)


@dataclass(frozen=True, slots=True)
class Equivalence:
    """How far the released file and its eager twin are apart on the clean images.

    Attributes
    ----------
    gap : float
        Largest absolute difference of a probability, over all images and classes; 0 to 1, 0 is equal.
    worst : str
        The image where it is found.
    n_images : int
    n_same : int
        Images with the same decision at the operating point.
    tolerance : float
        The spec's.
    """

    gap: float
    worst: str
    n_images: int
    n_same: int
    tolerance: float

    @property
    def holds(self) -> bool:
        """Whether the twin may stand for the file."""
        return self.gap <= self.tolerance


def settle(context: Context) -> tuple[Context, Equivalence | None]:
    """Decide whether the eager twin may stand for the released file.

    Returns
    -------
    Context
        As it was; without an inside where the twin is too far from the file on any audited image.
    Equivalence or None
        None without a released file or without a twin.

    Raises
    ------
    ModelError
        The twin is another model on the first few images already: nothing long has been run then.
    """
    if context.released is None or context.no_inside is not None:
        return context, None
    _demand_alike(context, context.released)
    context.progress.stage("Clean pass: the eager twin", len(context.index))
    eager, _ = eager_pass(context)
    context.progress.done()
    context.progress.stage("Clean pass: the released file", len(context.index))
    found = compare(context, released_pass(context, context.released), eager)
    context.progress.done(f"largest gap in probability {found.gap:.2g}")
    return (context, found) if found.holds else (without_inside(context, difference_words(found), REMEDY), found)


def compare(context: Context, released: Predictions, eager: Predictions) -> Equivalence:
    """Compare what both say of the clean images."""
    gaps = np.abs(released.probabilities.astype(np.float64) - eager.probabilities.astype(np.float64)).max(axis=1)
    point = OperatingPoint.of(planned_model(context.spec, context.subject, None, 0))
    worst = int(np.argmax(gaps))
    return Equivalence(
        gap=float(gaps[worst]),
        worst=context.index.samples[worst].id,
        n_images=len(gaps),
        n_same=_n_same(released.probabilities, eager.probabilities, point),
        tolerance=_tolerance(context),
    )


def _n_same(released: Floats, eager: Floats, point: OperatingPoint) -> int:
    """Rows on which every class is called or not called alike."""
    alike = [
        point.calls(released, class_index) == point.calls(eager, class_index)
        for class_index in range(len(point.classes))
    ]
    return int(np.all(alike, axis=0).sum())


def _demand_alike(context: Context, released: ReleasedModel) -> None:
    rows = probe_rows(context)
    gaps = np.abs(_probabilities(released, context, rows) - _probabilities(context.subject, context, rows)).max(axis=1)
    worst = int(np.argmax(gaps))
    if not gaps[worst] <= _tolerance(context):
        raise ModelError(
            f"the eager twin is not the released model: on {context.index.samples[int(rows[worst])].id} their "
            f"probabilities differ by {gaps[worst]:.2g}, and {_tolerance(context):g} is tolerated",
            hint=REMEDY,
        )


def probe_rows(context: Context) -> Ints:
    """Rows of the first images by hash: the same pictures whatever their names and order."""
    return np.argsort(np.asarray(context.index.digests), kind="stable")[:N_PROBES]


@torch.no_grad()
def _probabilities(model: Behaving, context: Context, rows: Ints) -> Floats:
    parts = [
        model.probabilities(inputs).double().cpu().numpy()
        for _, inputs in batches(context.index, rows, model.prepare, context.batch_size)
    ]
    return np.concatenate(parts)


def _tolerance(context: Context) -> float:
    assert context.spec.model.released is not None  # there is a released model
    return context.spec.model.released.tolerance


def difference_words(found: Equivalence) -> str:
    """Say why a twin may not stand for the file."""
    return (
        f"its eager twin is another model: on {found.worst} a probability differs by {found.gap:.2g}, "
        f"and {found.tolerance:g} is tolerated"
    )


def planned_released(context: Context, found: Equivalence | None) -> PlannedReleased | None:
    """Describe the file that ships, for the plan; None where the eager model is what is audited."""
    if context.released is None:
        return None
    described = PlannedReleased(
        file=context.released.file,
        format=context.released.shown_format,
        sha256=context.released.sha256,
        data_files=context.released.data_files,
        runtime=context.released.runner.runtime,
        takes=context.released.takes,
        preprocessing=context.released.preprocessing,
        output=context.released.output,
        twin=found is not None,
    )
    if found is None:
        return described
    measured = {"gap": found.gap, "worst": found.worst, "n_compared": found.n_images, "n_same": found.n_same}
    return described.model_copy(update={"tolerance": found.tolerance, **measured})
