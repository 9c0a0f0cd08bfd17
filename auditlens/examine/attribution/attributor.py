"""What every attributor offers. All of them explain the margin of a class, `auditlens.subject.margin`."""

from __future__ import annotations

from typing import Protocol

import torch


class Attributor(Protocol):
    """Relevance of components, and heatmaps of single components."""

    @property
    def name(self) -> str:
        """As the spec names it."""

    def relevance(self, batch: torch.Tensor, class_index: int, layer: str) -> torch.Tensor:
        """Relevance of each component for the margin of a class, summed over positions.

        Parameters
        ----------
        batch : (B, C, H, W)
        class_index : int
        layer : str

        Returns
        -------
        (B, components)
            Signed; positive pushes towards the class. Not normalised.
        """

    def heatmaps(self, batch: torch.Tensor, layer: str, components: torch.Tensor) -> torch.Tensor:
        """Attribute single components to the input.

        Parameters
        ----------
        batch : (B, C, H, W)
        layer : str
        components : (B, T)
            T components per image; -1 for none.

        Returns
        -------
        (B, T, H, W)
            Attribution of each input position, zero where the component is -1.
        """


def shares(relevance: torch.Tensor) -> torch.Tensor:
    """Divide each image's relevances by the sum of their magnitudes; rows of zeros stay zero."""
    total = relevance.abs().sum(dim=1, keepdim=True)
    return torch.where(
        total > 0, relevance / total.clamp_min(torch.finfo(total.dtype).tiny), torch.zeros_like(relevance)
    )
