"""What the model's output means: logits on the log-odds scale, probabilities, and the margin of a class."""

from __future__ import annotations

from typing import Final, Literal

import torch
from torch import Tensor

from auditlens.errors import ModelError

Output = Literal["logits", "probabilities", "single_logit"]
SMALLEST: Final = 1e-12
"""Probabilities are clipped here before the logarithm."""


def to_logits(raw: Tensor, output: Output) -> Tensor:
    """Bring a model's output to logits on the log-odds scale, differentiably.

    `single_logit`: z becomes (0, z). `probabilities`: their logarithm; one column p becomes (1 - p, p).

    Returns
    -------
    Tensor, (batch, classes)
    """
    if output == "single_logit":
        column = raw.reshape(len(raw), 1)
        return torch.cat([torch.zeros_like(column), column], dim=1)
    if output == "probabilities":
        both = raw if raw.ndim == 2 and raw.shape[1] > 1 else _both(raw.reshape(len(raw), 1))
        return both.clamp_min(SMALLEST).log()
    return raw


def margin(logits: Tensor, class_index: int) -> Tensor:
    """Score of a class against all others: its logit minus the log-sum-exp of the rest.

    For two classes it is the difference of the logits, the log-odds of the class. Softmax ignores what logits share,
    and so does the margin.

    Parameters
    ----------
    logits : Tensor, (batch, classes)
    class_index : int

    Returns
    -------
    Tensor, (batch,)
    """
    rest = torch.cat([logits[:, :class_index], logits[:, class_index + 1 :]], dim=1)
    return logits[:, class_index] - rest.logsumexp(dim=1)


def check_output(raw: object, output: Output, n_classes: int) -> None:
    """Check a trial output against the declared kind and the class list.

    Raises
    ------
    ModelError
        No single tensor, another number of outputs than classes, or values that cannot be what is declared.
    """
    if not isinstance(raw, Tensor) or raw.ndim not in (1, 2):
        found = f"shape {tuple(raw.shape)}" if isinstance(raw, Tensor) else type(raw).__name__
        raise ModelError(f"the model returns {found}; it must return one tensor, images x classes")
    width = 1 if raw.ndim == 1 else int(raw.shape[1])
    pair = output != "logits" and width == 1 and n_classes == 2
    if output == "single_logit" and not pair:
        raise ModelError(f"`output: single_logit` needs one output and two classes; found {width} and {n_classes}")
    if not pair and width != n_classes:
        raise ModelError(
            f"the model has {width} outputs, but the spec names {n_classes} classes{_single_hint(width, n_classes)}"
        )
    if not bool(raw.isfinite().all()):
        raise ModelError("the model's output on a trial image is not finite")
    if output == "probabilities" and not _are_probabilities(raw):
        raise ModelError("`output: probabilities` is declared, but the outputs do not lie in 0 to 1 or do not sum to 1")
    if output == "logits" and width > 1 and _are_probabilities(raw):
        raise ModelError("`output: logits` is declared, but the outputs are probabilities (0 to 1, sum 1)")


def _single_hint(width: int, n_classes: int) -> str:
    return "; declare `output: single_logit`?" if (width, n_classes) == (1, 2) else ""


def _are_probabilities(raw: Tensor) -> bool:
    bounded = bool(((raw >= 0.0) & (raw <= 1.0)).all())
    single = raw.ndim == 1 or raw.shape[1] == 1
    return bounded and (single or bool((raw.sum(1) - 1.0).abs().max() < 1e-3))


def _both(positive: Tensor) -> Tensor:
    return torch.cat([1.0 - positive, positive], dim=1)
