"""The model's twin: a copy in which rules can hang, with the outputs of the original."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from auditlens.examine.attribution.merging import merge_batch_norms
from auditlens.examine.attribution.rewrite import Ending, UnsupportedError, rewrite
from auditlens.examine.attribution.rules import Sum
from auditlens.examine.attribution.trial import trial_batch
from auditlens.spec.model import Output, is_multi_label
from auditlens.subject import Subject

TOLERANCE: Final = 1e-3
"""Largest accepted gap between the outputs of a model and of its form with rules, as a share of the largest output."""


@dataclass(frozen=True, slots=True)
class Twin:
    """A copy of the audited module: batch norms merged, additions, ReLUs and averages as modules, no final softmax.

    Attributes
    ----------
    module : nn.Module
        Its layers have the names of the original's.
    output : str
        What it returns, as `auditlens.subject.outputs` reads it: logits where the original ends in softmax or sigmoid.
    gap : float
        Largest difference from the original's outputs on noise, as a share of the largest output.
    """

    module: nn.Module
    output: Output
    gap: float


def make_twin(subject: Subject) -> Twin:
    """Copy the audited module and bring it into a form for rules; the original is never touched.

    Raises
    ------
    UnsupportedError
        It cannot be copied, a part has no rule, or its outputs become others.
    """
    try:
        module = copy.deepcopy(subject.module).eval().requires_grad_(False)
    except (RuntimeError, TypeError) as error:
        raise UnsupportedError(f"the model cannot be copied: {str(error).splitlines()[0]}") from error
    batch = trial_batch(subject)
    merge_batch_norms(module, batch)
    ending = rewrite(module, Sum)
    module.requires_grad_(False)
    logits = module(batch)
    output = bare_output(subject.output, ending, logits[0].numel())
    return Twin(module, output, largest_gap(subject, batch, ended(logits, ending)))


def ended(logits: Tensor, ending: Ending) -> Tensor:
    """Do what the original does with its logits."""
    if ending == "softmax":
        return logits.softmax(dim=1)
    return logits.sigmoid() if ending == "sigmoid" else logits


def bare_output(output: Output, ending: Ending, width: int) -> Output:
    """Say what a model returns without its ending.

    Raises
    ------
    UnsupportedError
        The ending contradicts what the spec declares.
    """
    if not ending:
        return output
    if is_multi_label(output):
        return "multi_label"
    if ending == "sigmoid" and width > 1:
        raise UnsupportedError("its sigmoids are declared as probabilities that exclude each other")
    return "single_logit" if ending == "sigmoid" else "logits"


@torch.no_grad()
def largest_gap(subject: Subject, batch: Tensor, found: Tensor) -> float:
    """Compare outputs with the model's own, as a share of the largest.

    Raises
    ------
    UnsupportedError
        The gap is larger than `TOLERANCE`.
    """
    expected = subject.module(batch)
    gap = float((expected - found).abs().max() / expected.abs().max().clamp_min(1e-12))
    if not gap <= TOLERANCE:
        raise UnsupportedError(f"its form with rules gives other outputs (largest gap {gap:.1e} of the highest)")
    return gap
