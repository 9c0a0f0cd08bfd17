"""Bring a model into a form on which propagation rules can hang: every addition, ReLU and average is a module.

Each module's own forward is traced with its children as leaves, so that the names of the layers stay as they are.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any, Final, Literal, TypeAlias

import torch
from torch import fx, nn
from torch.nn import functional

Functions = frozenset[Any]
Ending: TypeAlias = Literal["", "softmax", "sigmoid"]
"""What a model ends in after its logits."""

LEAVES: Final = (
    *(nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.BatchNorm1d, nn.BatchNorm2d),
    *(nn.MaxPool2d, nn.AdaptiveMaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.ReLU, nn.ReLU6),
    *(nn.Dropout, nn.Dropout2d, nn.Identity, nn.Flatten, nn.Unflatten, nn.ZeroPad2d),
)
"""Layers with a propagation rule, or without need of one."""

ADDITIONS: Final[Functions] = frozenset({operator.add, operator.iadd, torch.add, "add", "add_"})
RELUS: Final[Functions] = frozenset({functional.relu, torch.relu, torch.relu_, functional.relu_, "relu", "relu_"})
SUMS: Final[Functions] = frozenset({torch.sum, "sum"})
MEANS: Final[Functions] = frozenset({torch.mean, "mean"})
ENDINGS: Final[dict[Any, Ending]] = {
    **dict.fromkeys((nn.Softmax, functional.softmax, torch.softmax, "softmax"), "softmax"),
    **dict.fromkeys((nn.Sigmoid, functional.sigmoid, torch.sigmoid, "sigmoid"), "sigmoid"),
}
RESHAPING: Final[Functions] = frozenset({torch.flatten, torch.squeeze, "flatten", "squeeze", "view", "reshape"})
NEUTRAL: Final[Functions] = frozenset(
    {
        *(torch.cat, torch.stack, torch.flatten, torch.reshape, torch.squeeze, operator.getitem, getattr),
        *(functional.dropout, functional.pad, functional.max_pool2d, torch.max_pool2d),
        *("flatten", "view", "reshape", "size", "contiguous", "squeeze", "dim"),
    }
)
"""Functions that only move values: the gradient through them is the right relevance."""


WITHOUT_RULE: Final = ("Attention", "LayerNorm", "GroupNorm", "GELU", "SiLU", "Hardswish")
"""In class names: what says best why no rules hang on a model; the first that it has is named."""


class UnsupportedError(Exception):
    """No rule set fits this model; the message says what stands in the way."""


class _OwnForward(fx.Tracer):
    """Traces one module's forward; every child is a leaf."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return True


def rewrite(model: nn.Module, make_sum: Callable[[], nn.Module]) -> Ending:
    """Replace additions, functional ReLUs and averages by modules, in place, wherever a forward uses them.

    Parameters
    ----------
    model : nn.Module
        A copy: its modules get new children and new forwards.
    make_sum : callable
        Makes a module that sums over the last axis.

    Returns
    -------
    {"", "softmax", "sigmoid"}
        What the model ended in, which was left out.

    Raises
    ------
    UnsupportedError
        A layer or an operation has no rule, or a forward cannot be traced.
    """
    _demand_rules(model)
    ending = _drop_last(model)
    for name, module in list(model.named_modules()):
        if isinstance(module, type(make_sum())):
            continue
        if not any(module.children()) and isinstance(module, LEAVES):
            _work_on_copies(module)
        elif not isinstance(module, (nn.Sequential, nn.ModuleList)):
            ending = _rewrite_own_forward(module, name, make_sum) or ending
    return ending


def _demand_rules(model: nn.Module) -> None:
    """Name what is known to have no rule, before a detail of some forward is named instead."""
    for word in WITHOUT_RULE:
        for name, module in model.named_modules():
            if word in type(module).__name__ and name:
                raise UnsupportedError(f"there is no rule for {type(module).__name__} ({name})")


def _work_on_copies(module: nn.Module) -> None:
    if hasattr(module, "inplace"):
        setattr(module, "inplace", False)  # noqa: B010


def _drop_last(model: nn.Module) -> Ending:
    """Take a softmax or sigmoid module off the end of a plain sequence."""
    if not isinstance(model, nn.Sequential) or not len(model):
        return ""
    *_, (name, last) = model.named_children()
    ending = ENDINGS.get(type(last), "")
    if ending:
        setattr(model, name, nn.Identity())
        return ending
    return _drop_last(last)


def _rewrite_own_forward(module: nn.Module, name: str, make_sum: Callable[[], nn.Module]) -> Ending:
    where = f"{type(module).__name__}{f' ({name})' if name else ''}"
    if not any(module.children()) and type(module).__module__.startswith("torch."):
        raise UnsupportedError(f"there is no rule for {where}")
    try:
        graph = _OwnForward().trace(module)
    except Exception as error:  # tracing runs the model's own code on proxies: anything may be raised
        raise UnsupportedError(f"the forward of {where} cannot be traced: {str(error).splitlines()[0]}") from error
    ending: Ending = "" if name else _drop_final(graph, module)
    for number, node in enumerate(list(graph.nodes)):
        _replace(node, number, module, where, make_sum)
    graph.lint()
    module.forward = fx.GraphModule(module, graph).forward
    return ending


def _drop_final(graph: fx.Graph, module: nn.Module) -> Ending:
    """Take a softmax or sigmoid out of the end of a forward; only changes of shape may follow it."""
    (output,) = (node for node in graph.nodes if node.op == "output")
    last = output.args[0]
    while isinstance(last, fx.Node) and last.target in RESHAPING and last.args:
        last = last.args[0]
    if not isinstance(last, fx.Node) or not last.args or not isinstance(last.args[0], fx.Node):
        return ""
    part = type(module.get_submodule(str(last.target))) if last.op == "call_module" else last.target
    ending = ENDINGS.get(part, "")
    if ending:
        last.replace_all_uses_with(last.args[0])
        graph.erase_node(last)
    return ending


def _replace(node: fx.Node, number: int, module: nn.Module, where: str, make_sum: Callable[[], nn.Module]) -> None:
    """Give a function node a module of its own, leave it, or say that it has no rule."""
    if node.op in ("placeholder", "output", "call_module") or node.target in NEUTRAL:
        return
    if node.target in ADDITIONS and _adds_two_tensors(node):
        _insert_sum(node, f"canonical_sum_{number}", module, make_sum())
        return
    made = make_sum() if _sums_parts(node) else _as_module(node)
    if made is None:
        raise UnsupportedError(f"there is no rule for {_plain_name(node)} in {where}")
    child = f"canonical_{number}"
    module.add_module(child, made)
    with node.graph.inserting_before(node):
        new = node.graph.call_module(child, (node.args[0],))
    node.replace_all_uses_with(new)
    node.graph.erase_node(node)


def _adds_two_tensors(node: fx.Node) -> bool:
    return len(node.args) == 2 and not node.kwargs and all(isinstance(item, fx.Node) for item in node.args)


def _sums_parts(node: fx.Node) -> bool:
    """Whether it sums over the last axis, as over stacked parts."""
    return node.target in SUMS and [*node.args[1:], *node.kwargs.values()] == [-1]


def _insert_sum(node: fx.Node, child: str, module: nn.Module, made: nn.Module) -> None:
    module.add_module(child, made)
    with node.graph.inserting_before(node):
        stacked = node.graph.call_function(torch.stack, (list(node.args),), {"dim": -1})
        summed = node.graph.call_module(child, (stacked,))
    node.replace_all_uses_with(summed)
    node.graph.erase_node(node)


def _as_module(node: fx.Node) -> nn.Module | None:
    """Return the module that does what the function does, None where there is none."""
    args: tuple[Any, ...] = node.args[1:]
    kwargs: dict[str, Any] = node.kwargs
    if node.target in RELUS:
        return nn.ReLU()
    if node.target is functional.relu6:
        return nn.ReLU6()
    if node.target in MEANS:
        return _spatial_mean(*args, **kwargs)
    if node.target is functional.adaptive_avg_pool2d:
        return nn.AdaptiveAvgPool2d(*args, **kwargs)
    return nn.AvgPool2d(*args, **kwargs) if node.target is functional.avg_pool2d else None


def _spatial_mean(dim: Any = None, keepdim: bool = False) -> nn.Module | None:
    """Average over both spatial axes as a pooling module, so that relevance follows the activations."""
    axes = set(_flat(dim))
    if axes not in ({2, 3}, {-2, -1}):
        return None
    average = nn.AdaptiveAvgPool2d(1)
    return average if keepdim else nn.Sequential(average, nn.Flatten(1))


def _flat(dim: Any) -> Iterator[int]:
    if isinstance(dim, (list, tuple)):
        for item in dim:
            yield from _flat(item)
    elif dim is not None:
        yield dim


def _plain_name(node: fx.Node) -> str:
    return str(node.target if isinstance(node.target, str) else getattr(node.target, "__name__", node.target))
