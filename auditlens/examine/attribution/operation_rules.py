"""AttnLRP's rules, as the backward of single operations, for one forward pass of one thread.

With rules that only change gradients, relevance is input times gradient, from one backward pass (Achtibat et al. 2024,
"AttnLRP: Attention-Aware Layer-Wise Relevance Propagation for Transformers", ICML, arXiv 2402.05602, section 3.3).
Nothing is patched, copied or traced: while `Rules` is in force, torch hands every call of the model to it first.

LRP is patented in some places; `gradient_x_activation` and `integrated_gradients` are the alternatives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from auditlens.examine.attribution.attention_rules import attention, multi_head_attention
from auditlens.examine.attribution.gradient_parts import is_active, share, with_factor
from auditlens.examine.attribution.rewrite import Ending
from auditlens.examine.attribution.steps import source, step_of

Rule: TypeAlias = Callable[..., Any]


def identity(function: Callable[..., Tensor], values: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Pass relevance through an element-wise function with f(0) = 0 (equation 9): the gradient becomes f(x) / x."""
    before = values.detach().clone()  # the function may work in place
    after = function(before.clone(), *args, **kwargs)
    factor = torch.where(before == 0, torch.zeros_like(before), after / before)
    return with_factor(values, after, factor)


def power(function: Callable[..., Tensor], values: Tensor, exponent: Any) -> Tensor:
    """Pass relevance through a positive power; take a negative one, as in norms, as a constant."""
    if isinstance(exponent, (int, float)) and exponent > 0:
        return identity(function, values, exponent)
    return function(values, exponent).detach()


def product(function: Callable[..., Tensor], left: Any, other: Any, **kwargs: Any) -> Tensor:
    """Share relevance equally between two factors (equation 7); a gate is a constant, the signal takes all."""
    if not (is_active(left) and is_active(other)):
        return function(left, other, **kwargs)
    if is_gate(other):
        return function(left, other.detach(), **kwargs)
    if is_gate(left):
        return function(left.detach(), other, **kwargs)
    return function(share(left, 0.5), share(other, 0.5), **kwargs)


def is_gate(values: Tensor) -> bool:
    """Whether values come straight out of a sigmoid, which f(x) / x cannot explain: it is not zero at zero."""
    return source(values).startswith(("SigmoidBackward", "HardsigmoidBackward"))


def matrix_product(function: Callable[..., Tensor], left: Tensor, other: Tensor, **kwargs: Any) -> Tensor:
    """Share relevance equally between two matrices that both depend on the input (equations 7 and 8)."""
    if is_active(left) and is_active(other):
        left, other = share(left, 0.5), share(other, 0.5)
    return function(left, other, **kwargs)


def linear(function: Callable[..., Tensor], values: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Share relevance equally with weights that are computed from the input; else this is LRP-0."""
    if is_active(values) and is_active(weight):
        values, weight = share(values, 0.5), share(weight, 0.5)
    return function(values, weight, bias)


def einsum(function: Callable[..., Tensor], equation: str, *operands: Any) -> Tensor:
    """Share relevance equally between the operands that depend on the input."""
    tensors: Sequence[Tensor] = (
        operands[0] if len(operands) == 1 and isinstance(operands[0], (list, tuple)) else operands
    )
    active = sum(is_active(tensor) for tensor in tensors)
    shared = (share(tensor, 1 / active) if is_active(tensor) else tensor for tensor in tensors)
    made: Tensor = function(equation, *shared)
    return made


def quotient(function: Callable[..., Tensor], left: Any, other: Any, **kwargs: Any) -> Tensor:
    """Take a denominator as a constant, as in norms."""
    return function(left, other.detach() if is_active(other) else other, **kwargs)


def constant(function: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
    """Take a norm, by which something is divided, as a constant."""
    return function(*args, **kwargs).detach()


def layer_norm(
    _function: Rule,
    values: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    *_: Any,
) -> Tensor:
    """Pass relevance through a layer norm: the standard deviation is a constant (proposition 3.4)."""
    axes = tuple(range(-len(normalized_shape), 0))
    return _scaled(_standardised(values, axes, eps), weight, bias)


def rms_norm(
    _function: Rule,
    values: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    """Pass relevance through a norm by the root mean square, which is a constant."""
    axes = tuple(range(-len(normalized_shape), 0))
    smallest = torch.finfo(values.dtype).eps if eps is None else eps
    size = (values.square().mean(axes, keepdim=True) + smallest).sqrt().detach()
    return _scaled(values / size, weight, None)


def group_norm(
    _function: Rule,
    values: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    *_: Any,
) -> Tensor:
    """Pass relevance through a group norm: the standard deviation of each group is a constant."""
    grouped = _standardised(values.reshape(len(values), num_groups, -1), (-1,), eps).reshape(values.shape)
    channels = (-1, *[1] * (values.ndim - 2))
    weight, bias = (part if part is None else part.reshape(channels) for part in (weight, bias))
    return _scaled(grouped, weight, bias)


def normalise(
    _function: Rule, values: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: None = None
) -> Tensor:
    """Pass relevance through a division by the length, which is a constant."""
    length: Tensor = torch.linalg.vector_norm(values.detach(), p, dim, keepdim=True)
    return values / length.clamp_min(eps)


def _standardised(values: Tensor, axes: tuple[int, ...], eps: float) -> Tensor:
    deviation = (values.detach().var(axes, correction=0, keepdim=True) + eps).sqrt()
    return (values - values.mean(axes, keepdim=True)) / deviation


def _scaled(values: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    values = values if weight is None else values * weight
    return values if bias is None else values + bias


RULES: Final[Mapping[str, Rule]] = {
    **dict.fromkeys(
        ("gelu", "silu", "hardswish", "mish", "relu6", "hardtanh", "elu", "selu", "celu", "tanh", "square"), identity
    ),
    **dict.fromkeys(("mul", "__mul__", "__rmul__", "__imul__", "mul_", "multiply"), product),
    **dict.fromkeys(("matmul", "__matmul__", "__rmatmul__", "mm", "bmm"), matrix_product),
    **dict.fromkeys(("div", "__truediv__", "__itruediv__", "div_", "divide", "true_divide"), quotient),
    **dict.fromkeys(("norm", "vector_norm", "linalg_vector_norm", "rsqrt"), constant),
    **dict.fromkeys(("pow", "__pow__"), power),
    "einsum": einsum,
    "linear": linear,
    "layer_norm": layer_norm,
    "group_norm": group_norm,
    "rms_norm": rms_norm,
    "normalize": normalise,
    "scaled_dot_product_attention": attention,
    "multi_head_attention_forward": multi_head_attention,
}
"""By the name of the function. Everything else keeps its gradient; `steps` says whether that is a rule."""


class Rules(TorchFunctionMode):
    """While in force, operations whose inputs ask for gradients get AttnLRP's rules as their backward.

    The values stay what they are, up to rounding.
    """

    def __init__(self) -> None:
        super().__init__()
        self._ending: tuple[Ending, Tensor, Tensor] | None = None

    def logits(self, output: Tensor) -> tuple[Tensor, Ending]:
        """Return what went into the softmax or sigmoid that made an output, and which; else the output itself."""
        if self._ending is not None:
            name, before, after = self._ending
            if step_of(output) is not None and step_of(output) is step_of(after):
                return before.reshape(output.shape), name
        return output, ""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Call the function by its rule, if it has one and gradients are asked for."""
        name = getattr(func, "__name__", "")
        rule = RULES.get(name) if torch.is_grad_enabled() else None
        given = dict(kwargs or {})
        if rule is not None and _any_active((*args, *given.values())):
            first = (given.pop("input"),) if "input" in given else ()
            return rule(func, *first, *args, **given)
        made = func(*args, **given)
        if name in ("softmax", "sigmoid"):
            before = args[0] if args else given["input"]
            self._ending = ("softmax" if name == "softmax" else "sigmoid"), before, made
        return made


def _any_active(args: Any) -> bool:
    return any(_any_active(item) if isinstance(item, (list, tuple)) else is_active(item) for item in args)
