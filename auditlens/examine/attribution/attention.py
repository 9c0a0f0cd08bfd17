"""AttnLRP: relevance for transformers, and for all networks of operations that have one of its rules.

LRP is patented in some places; `gradient_x_activation` and `integrated_gradients` are the alternatives.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from auditlens.examine.attribution.gradient import GradientXActivation, layer_gradient
from auditlens.examine.attribution.operation_rules import Rules
from auditlens.examine.attribution.rewrite import UnsupportedError
from auditlens.examine.attribution.steps import is_cut, without_rule
from auditlens.examine.attribution.trial import trial_batch
from auditlens.examine.attribution.twin import bare_output, largest_gap
from auditlens.examine.audited import as_leaf, find_layer, sum_by_component, watch
from auditlens.subject import Subject, margin
from auditlens.subject.outputs import to_logits


class AttnLrp:
    """Attention-aware LRP: one backward pass with AttnLRP's rules through the audited model itself.

    Linear layers, convolutions and matrix products: LRP-0 (epsilon to zero); element-wise functions: identity;
    products of two parts of the image's features: half each; gates and normalisers: constant; softmax: its gradient.
    Relevance is activation times that gradient of the margin, summed over positions. Heatmaps are up-sampled
    activation maps, as of `GradientXActivation`.

    Attributes
    ----------
    gap : float
        Largest difference between the outputs with and without rules on noise, as a share of the largest output.

    Raises
    ------
    UnsupportedError
        An operation of the model has no rule, or the outputs with rules are others.
    """

    name = "attnlrp"

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._shown = GradientXActivation(subject)
        self._cuts: dict[str, bool] = {}
        self.gap = _check(subject)

    def relevance(self, batch: Tensor, class_index: int, layer: str) -> Tensor:
        """Relevance for the margin of a class, (B, components); see `Attributor`."""
        seen: list[Tensor] = []
        if self._is_cut(layer):
            data, see = batch, as_leaf(seen)
        else:
            data, see = batch.detach().clone().requires_grad_(), _kept(seen, [])
        with torch.enable_grad(), watch(self._subject.module, layer, see):
            with Rules() as rules:
                logits, ending = rules.logits(self._subject.module(data))
            output = bare_output(self._subject.output, ending, logits[0].numel())
            score = margin(to_logits(logits, output), class_index, output)
        relevance = seen[0].detach() * layer_gradient(score.sum(), seen[0])
        return sum_by_component(relevance, seen[0].detach(), find_layer(self._subject, layer))

    def heatmaps(self, batch: Tensor, layer: str, components: Tensor) -> Tensor:
        """Heatmaps of single components, (B, T, H, W); see `Attributor`."""
        return self._shown.heatmaps(batch, layer, components)

    def _is_cut(self, layer: str) -> bool:
        """Whether the whole image reaches the output through this layer only, so that the graph can begin there.

        Elsewhere, as inside an attention, which factor of a product counts is seen from the input only.
        """
        if layer not in self._cuts:
            data = trial_batch(self._subject).requires_grad_()
            steps: list[Any] = []
            with torch.enable_grad(), watch(self._subject.module, layer, _kept([], steps)), Rules():
                output = self._subject.module(data)
            self._cuts[layer] = is_cut(output, data, steps[-1])
        return self._cuts[layer]


def _kept(seen: list[Tensor], steps: list[Any]) -> Any:
    """Make a `see` that keeps the output and goes on from a copy, whose step in the graph it keeps too."""

    def see(output: Tensor) -> Tensor:
        copy = output.clone()
        seen[:], steps[:] = [output], [copy.grad_fn]
        return copy

    return see


def _check(subject: Subject) -> float:
    data = trial_batch(subject).requires_grad_()
    try:
        with torch.enable_grad(), Rules() as rules:
            found = subject.module(data)
    except UnsupportedError:
        raise
    except Exception as error:  # the model's own code may not work on tensors with rules
        raise UnsupportedError(f"it does not run with rules: {str(error).splitlines()[0]}") from error
    missing = without_rule(found, data)
    if missing:
        raise UnsupportedError(f"there is no AttnLRP rule for {', '.join(missing)}")
    bare_output(subject.output, rules.logits(found)[1], found[0].numel())
    return largest_gap(subject, data.detach(), found.detach())
