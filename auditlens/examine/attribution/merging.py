"""Batch norms become part of the layer before them, by what flows where and not by the order in which parts are listed.

For z+ and epsilon a convolution and its batch norm are one linear layer (Motzkus et al. 2022, arXiv 2202.06621).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn

from auditlens.examine.attribution.rewrite import UnsupportedError
from auditlens.examine.attribution.steps import consumers

NORMS: Final = (nn.BatchNorm1d, nn.BatchNorm2d)
MERGED_INTO: Final = (nn.Conv1d, nn.Conv2d, nn.Linear)


class Activated(nn.Module):
    """What is left of timm's batch norms with an activation of their own; its parts keep their names."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.drop, self.act = (getattr(norm, name, nn.Identity()) for name in ("drop", "act"))

    def forward(self, values: Tensor) -> Tensor:
        """Activate; the norm is merged away."""
        activated: Tensor = self.act(self.drop(values))
        return activated


def merge_batch_norms(model: nn.Module, batch: Tensor) -> None:
    """Merge every batch norm that runs, in place; what is left of it is the identity, or its activation.

    Parameters
    ----------
    model : nn.Module
        A copy, in eval mode.
    batch : (1, C, H, W)
        An input on which to see what flows where.

    Raises
    ------
    UnsupportedError
        A norm stands elsewhere than directly behind one layer, or works on the batch's own statistics.
    """
    names: dict[nn.Module, str] = {
        part: name for name, part in model.named_modules() if isinstance(part, (*NORMS, *MERGED_INTO))
    }
    before = _layers_before(model, batch, names)
    for norm, layer in before.items():
        _merge(layer, norm)
        _replace(model, names[norm], norm)


def _layers_before(model: nn.Module, batch: Tensor, names: Mapping[nn.Module, str]) -> dict[nn.Module, nn.Module]:
    """Find the layer whose output each batch norm, and nothing else, takes in."""
    makers: dict[Any, nn.Module] = {}
    takers: dict[nn.Module, Any] = {}
    runs: Counter[nn.Module] = Counter()

    def see(part: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        runs[part] += 1
        if isinstance(part, NORMS):
            takers[part] = inputs[0].grad_fn
        else:
            makers[output.grad_fn] = part

    output = _run(model, batch, names, see)
    above = consumers(output)
    for norm, step in takers.items():
        layer = makers.get(step)
        if layer is None or len(above[step]) != 1 or runs[norm] != 1 or runs[layer] != 1:
            raise UnsupportedError(f"the batch norm {names[norm]} does not stand directly behind one layer")
    return {norm: makers[step] for norm, step in takers.items()}


def _run(model: nn.Module, batch: Tensor, parts: Mapping[nn.Module, str], see: Callable[..., None]) -> Tensor:
    handles = [part.register_forward_hook(see) for part in parts]
    try:
        with torch.enable_grad():
            output: Tensor = model(batch.detach().clone().requires_grad_())
            return output
    except Exception as error:  # the model's own code may not work on tensors that ask for gradients
        raise UnsupportedError(f"it does not run with gradients: {str(error).splitlines()[0]}") from error
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def _merge(layer: Any, norm: Any) -> None:
    if norm.running_mean is None or norm.running_var is None:
        raise UnsupportedError("there is no rule for batch norms on the batch's own statistics")
    scale = (norm.running_var + norm.eps).rsqrt()
    scale = scale if norm.weight is None else scale * norm.weight
    bias = -norm.running_mean if layer.bias is None else layer.bias - norm.running_mean
    shift = 0 if norm.bias is None else norm.bias
    layer.weight = _frozen(layer.weight * scale.reshape(-1, *[1] * (layer.weight.ndim - 1)))
    layer.bias = _frozen(bias * scale + shift)


def _frozen(values: Tensor) -> nn.Parameter:
    return nn.Parameter(values, requires_grad=False)


def _replace(model: nn.Module, name: str, norm: nn.Module) -> None:
    parent = model.get_submodule(name.rpartition(".")[0])
    left = Activated(norm) if hasattr(norm, "act") else nn.Identity()
    left._forward_hooks.update(norm._forward_hooks)  # components may be silenced here
    setattr(parent, name.rpartition(".")[2], left)
