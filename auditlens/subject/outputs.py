"""What the model's output means: logits on the log-odds scale, probabilities, and the margin of a class."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from auditlens.errors import ModelError
from auditlens.spec.model import Output, is_multi_label

SMALLEST: Final = 1e-12
"""Probabilities are clipped here before the logarithm."""
RESHAPING: Final = ("View", "Reshape", "Squeeze", "Flatten", "Select", "Slice", "Clone", "Alias", "ToCopy")
"""In names of autograd's steps: those that change no value."""


def to_logits(raw: Tensor, output: Output) -> Tensor:
    """Bring a model's output to logits on the log-odds scale, differentiably.

    `single_logit`: z becomes (0, z). `probabilities`: their logarithm; one column p becomes (1 - p, p).
    `multi_label_probabilities`: each p becomes its log-odds. `logits` and `multi_label` stay as they are.

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
    if output == "multi_label_probabilities":
        return raw.clamp_min(SMALLEST).log() - (1.0 - raw).clamp_min(SMALLEST).log()
    return raw


def to_probabilities(logits: Tensor, output: Output) -> Tensor:
    """Turn logits on the log-odds scale into probabilities; the one place where this is done.

    Softmax over the classes; where several labels may hold at once (`multi_label`), a sigmoid of each logit by itself.

    Parameters
    ----------
    logits : Tensor, (batch, classes)
        What `to_logits` returns.
    output : str
        What the model returns.

    Returns
    -------
    Tensor, (batch, classes), 0 to 1
    """
    return logits.sigmoid() if is_multi_label(output) else logits.softmax(dim=1)


def probabilities_of(logits: NDArray[np.floating], output: Output) -> NDArray[np.float32]:
    """Turn stored logits, (images, classes), into probabilities; see `to_probabilities`."""
    found: NDArray[np.float32] = to_probabilities(torch.tensor(logits), output).numpy()  # copies what is read-only
    return found


def margin(logits: Tensor, class_index: int, output: Output = "logits") -> Tensor:
    """Score of a class against all others: its logit minus the log-sum-exp of the rest; its log-odds.

    For two classes it is the difference of the logits. Softmax ignores what logits share, and so does the margin. Where
    several labels may hold at once, the logit of a class is its log-odds already and the others say nothing of it.

    Parameters
    ----------
    logits : Tensor, (batch, classes)
    class_index : int
    output : str
        What the model returns.

    Returns
    -------
    Tensor, (batch,)
    """
    if is_multi_label(output):
        return logits[:, class_index]
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
    pair = output in ("single_logit", "probabilities") and width == 1 and n_classes == 2
    if output == "single_logit" and not pair:
        raise ModelError(f"`output: single_logit` needs one output and two classes; found {width} and {n_classes}")
    if not pair and width != n_classes:
        raise ModelError(
            f"the model has {width} outputs, but the spec names {n_classes} classes{_single_hint(width, n_classes)}"
        )
    if not bool(raw.isfinite().all()):
        raise ModelError("the model's output on a trial image is not finite")
    _check_values(raw, output, width)


def _check_values(raw: Tensor, output: Output, width: int) -> None:
    """Compare what came out with what is declared, as far as numbers can tell."""
    if output == "probabilities" and not _are_probabilities(raw):
        independent = "; declare `output: multi_label_probabilities`?" if _in_unit_interval(raw) else ""
        raise ModelError(
            "`output: probabilities` is declared, but the outputs do not lie in 0 to 1 or do not sum to 1" + independent
        )
    if output == "multi_label_probabilities" and not _in_unit_interval(raw):
        raise ModelError(
            "`output: multi_label_probabilities` is declared, but the outputs do not lie in 0 to 1; "
            "for what goes into the sigmoid declare `output: multi_label`"
        )
    if output in ("logits", "multi_label") and width > 1 and _are_probabilities(raw):
        raise ModelError(f"`output: {output}` is declared, but the outputs are probabilities (0 to 1, sum 1)")


def ends_in_sigmoid(module: nn.Module, batch: Tensor) -> bool:
    """Whether the last thing that a differentiable model computes is a sigmoid.

    Independent probabilities cannot be told from logits by their values; the graph of the operations tells.
    """
    with torch.enable_grad():
        output = module(batch.detach().clone().requires_grad_())
    step = output.grad_fn if isinstance(output, Tensor) else None
    while step is not None and any(word in step.name() for word in RESHAPING):
        step = step.next_functions[0][0]
    return step is not None and step.name().startswith("SigmoidBackward")


def check_ending(module: nn.Module, batch: Tensor, raw: Tensor, output: Output) -> None:
    """Refuse a sigmoid at the end of a model that is declared to return logits.

    Raises
    ------
    ModelError
    """
    if (
        output in ("logits", "multi_label", "single_logit")
        and _in_unit_interval(raw)
        and ends_in_sigmoid(module, batch)
    ):
        instead = "probabilities" if output == "single_logit" else "multi_label_probabilities"
        raise ModelError(
            f"`output: {output}` is declared, but the model ends in a sigmoid: what it returns are probabilities",
            hint=f"declare `output: {instead}`",
        )


def _single_hint(width: int, n_classes: int) -> str:
    return "; declare `output: single_logit`?" if (width, n_classes) == (1, 2) else ""


def _are_probabilities(raw: Tensor) -> bool:
    single = raw.ndim == 1 or raw.shape[1] == 1
    return _in_unit_interval(raw) and (single or bool((raw.sum(1) - 1.0).abs().max() < 1e-3))


def _in_unit_interval(raw: Tensor) -> bool:
    return bool(((raw >= 0.0) & (raw <= 1.0)).all())


def _both(positive: Tensor) -> Tensor:
    return torch.cat([1.0 - positive, positive], dim=1)
