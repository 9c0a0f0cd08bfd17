"""Attention by AttnLRP's rules: the softmax keeps its gradient, both matrix products share relevance equally."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from auditlens.examine.attribution.gradient_parts import share
from auditlens.examine.attribution.rewrite import UnsupportedError


def attention(
    _function: Callable[..., Tensor],
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Scaled dot-product attention, written out (Achtibat et al. 2024, equations 8 and 13).

    A quarter of the gradient reaches queries and keys each, one half the values.

    Raises
    ------
    UnsupportedError
        Dropout, or fewer heads of keys than of queries.
    """
    if dropout_p > 0 or enable_gqa:
        raise UnsupportedError("there is no rule for attention with dropout or with grouped queries")
    return _attend(query, key, value, _as_addend(attn_mask, is_causal, query, key), scale)[0]


def _attend(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float | None = None
) -> tuple[Tensor, Tensor]:
    factor = query.shape[-1] ** -0.5 if scale is None else scale
    scores = share(query * factor, 0.5) @ share(key, 0.5).transpose(-2, -1)
    weights = torch.softmax(scores if mask is None else scores + mask, dim=-1)
    return share(weights, 0.5) @ share(value, 0.5), weights


def _as_addend(mask: Tensor | None, is_causal: bool, query: Tensor, key: Tensor) -> Tensor | None:
    if is_causal:
        mask = torch.ones(query.shape[-2], key.shape[-2], dtype=torch.bool, device=query.device).tril()
    if mask is None or mask.dtype != torch.bool:
        return mask
    return torch.zeros_like(mask, dtype=query.dtype).masked_fill(~mask, float("-inf"))


def multi_head_attention(
    _function: Callable[..., Any],
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    average_attn_weights: bool = True,
    **further: Any,
) -> tuple[Tensor, Tensor | None]:
    """`torch.nn.functional.multi_head_attention_forward` for (tokens, images, features), by the same rules.

    Raises
    ------
    UnsupportedError
        Masks, extra keys or separate projections, which no image classifier of torchvision has.
    """
    unusual = (key_padding_mask, attn_mask, bias_k, bias_v, *(further.get(name) for name in ("static_k", "static_v")))
    if any(item is not None for item in unusual) or add_zero_attn or use_separate_proj_weight or query.ndim != 3:
        raise UnsupportedError(
            "there is no rule for multi-head attention with masks, extra keys or separate projections"
        )
    if in_proj_weight is None or (training and dropout_p > 0):
        raise UnsupportedError("there is no rule for multi-head attention with dropout or without a joint projection")
    biases = (None, None, None) if in_proj_bias is None else in_proj_bias.chunk(3)
    heads = [
        functional.linear(values, weight, bias).reshape(*values.shape[:2], num_heads, -1).permute(1, 2, 0, 3)
        for values, weight, bias in zip((query, key, value), in_proj_weight.chunk(3), biases, strict=True)
    ]
    attended, weights = _attend(heads[0], heads[1], heads[2], None)
    joined = functional.linear(attended.permute(2, 0, 1, 3).flatten(2), out_proj_weight, out_proj_bias)
    if not need_weights:
        return joined, None
    return joined, weights.mean(dim=1) if average_attn_weights else weights
