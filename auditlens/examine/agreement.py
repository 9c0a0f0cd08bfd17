"""Do relevances foretell what happens when components go? A sanity measure of attributors on a trained model."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor

from auditlens.examine.attribution.attributor import Attributor
from auditlens.examine.audited import find_layer, watch
from auditlens.stages.evidence import Floats
from auditlens.subject import LayerInfo, Subject, margin
from auditlens.subject.silencing import keep_sides


@dataclass(frozen=True, slots=True)
class Agreement:
    """Relevances of some components beside the drops of the margin when each is zeroed alone.

    Attributes
    ----------
    components : int64 array (T,)
    relevance : float64 array (n, T)
        As the attributor gives it; positive pushes towards the class.
    drop : float64 array (n, T)
        Margin of the whole image minus margin without the component, in units of log-odds.
    """

    components: NDArray[np.int64]
    relevance: NDArray[np.float64]
    drop: NDArray[np.float64]

    @property
    def of_size(self) -> NDArray[np.float64]:
        """Spearman correlation of |relevance| with |drop| over the components, image by image, (n,); -1 to 1."""
        return spearman(np.abs(self.relevance), np.abs(self.drop))

    @property
    def of_sign_and_size(self) -> NDArray[np.float64]:
        """Spearman correlation of relevance with drop over the components, image by image, (n,); -1 to 1."""
        return spearman(self.relevance, self.drop)

    @property
    def mean(self) -> float:
        """Mean of `of_size` over the images where it is defined; NaN where it is for none. 1 is best, 0 is chance."""
        defined = self.of_size[np.isfinite(self.of_size)]
        return float(defined.mean()) if len(defined) else float("nan")


def ablation_agreement(
    subject: Subject,
    attributor: Attributor,
    batches: Iterable[Tensor],
    class_index: int,
    layer: str,
    n_components: int = 32,
    seed: int = 0,
) -> Agreement:
    """Zero components of a layer one by one, and compare what the margin loses with the relevances.

    Ablation moves a network off its data and ignores what others would take over: agreement is a check of plumbing and
    of sense, not a ground truth. Components are drawn at random, not by their relevance, which would cut its range.

    Parameters
    ----------
    subject, attributor
    batches : iterable of (B, C, H, W)
        Model inputs on the model's device, such as the second items of `audited.input_batches`.
    class_index : int
    layer : str
    n_components : int
        Components drawn; all where the layer has no more. One forward per component and batch.
    seed : int

    Raises
    ------
    LayerError
        The layer is not examined.
    """
    found = find_layer(subject, layer)
    size = min(n_components, found.n_components)
    chosen = np.sort(np.random.default_rng(seed).choice(found.n_components, size, replace=False)).astype(np.int64)
    relevances, drops = [np.empty((0, size))], [np.empty((0, size))]
    for batch in batches:
        relevance = attributor.relevance(batch, class_index, layer)
        relevances.append(relevance[:, torch.from_numpy(chosen)].double().cpu().numpy())
        drops.append(margin_drops(subject, batch, class_index, found, chosen))
    return Agreement(chosen, np.concatenate(relevances), np.concatenate(drops))


@torch.no_grad()
def margin_drops(
    subject: Subject, batch: Tensor, class_index: int, layer: LayerInfo, components: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Margin of the class minus its margin with single components zeroed, (B, T)."""

    def score() -> Tensor:
        return margin(subject.logits(batch), class_index, subject.output).double()

    every = torch.arange(layer.n_components, device=batch.device)[None]
    whole, drops = score(), []
    for component in components:
        with watch(subject.module, layer.name, _without_each(every == int(component), layer)):
            drops.append(whole - score())
    return torch.stack(drops, dim=1).cpu().numpy() if drops else np.empty((len(batch), 0))


@torch.no_grad()
def drop_without_most_relevant(
    subject: Subject, relevance: Tensor, batch: Tensor, class_index: int, layer: str, share: float = 0.1
) -> NDArray[np.float64]:
    """Drop of the margin when each image loses the components that push most towards the class, all at once.

    Unlike the loss of one component, of which the gradient is the first order, this is a large change.

    Parameters
    ----------
    subject : Subject
    relevance : (B, components)
        Of an attributor, or random numbers for comparison.
    batch : (B, C, H, W)
    class_index : int
    layer : str
    share : float
        Share of the layer's components that each image loses; at least one.

    Returns
    -------
    float64 array (B,)
        Margin of the whole image minus margin without, in units of log-odds; higher: the relevances chose better.
    """
    found = find_layer(subject, layer)
    n_lost = max(1, round(share * found.n_components))
    lost = torch.zeros_like(relevance, dtype=torch.bool).scatter_(1, relevance.topk(n_lost, dim=1).indices, True)
    whole = margin(subject.logits(batch), class_index, subject.output)
    with watch(subject.module, layer, _without_each(lost, found)):
        left = margin(subject.logits(batch), class_index, subject.output)
    return np.asarray((whole - left).double().cpu().numpy())


def _without_each(lost: Tensor, layer: LayerInfo) -> Callable[[Tensor], Tensor]:
    """Make a `see` that zeroes components of each image; `lost` is (B, components), or (1, components) for all."""
    kept = (~lost).reshape(len(lost), layer.n_sides, layer.n_channels).expand(-1, 2, -1)
    return lambda output: keep_sides(output, layer, kept)


def spearman(left: Floats, right: Floats) -> NDArray[np.float64]:
    """Rank correlation of each row with that of the other, ties sharing their mean rank; NaN where one is constant."""
    ranks = [rankdata(values, axis=1) for values in (left, right)]
    centred = [values - values.mean(axis=1, keepdims=True) for values in ranks]
    length = np.sqrt((centred[0] ** 2).sum(axis=1) * (centred[1] ** 2).sum(axis=1))
    found: NDArray[np.float64] = np.full(len(length), np.nan)
    np.divide((centred[0] * centred[1]).sum(axis=1), length, out=found, where=length > 0)
    return found
