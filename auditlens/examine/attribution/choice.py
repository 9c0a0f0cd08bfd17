"""Choose the attributor, and say why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal, TypeAlias

from auditlens.errors import ModelError, nearest
from auditlens.examine.attribution.attention import AttnLrp
from auditlens.examine.attribution.attributor import Attributor
from auditlens.examine.attribution.gradient import GradientXActivation
from auditlens.examine.attribution.integrated_gradients import IntegratedGradients
from auditlens.examine.attribution.lrp import Lrp
from auditlens.examine.attribution.rewrite import UnsupportedError
from auditlens.subject import Subject

Requested: TypeAlias = Literal["auto", "lrp", "attnlrp", "gradient_x_activation", "integrated_gradients"]

ATTRIBUTORS: Final[Mapping[str, Callable[[Subject], Attributor]]] = {
    "lrp": Lrp,
    "attnlrp": AttnLrp,
    "gradient_x_activation": GradientXActivation,
    "integrated_gradients": IntegratedGradients,
}

SENTENCES: Final[Mapping[str, str]] = {
    "lrp": "LRP with the epsilon, z+ and flat rules",
    "attnlrp": "AttnLRP (norms and gates are constant, products share equally, activation functions pass relevance on)",
    "gradient_x_activation": "Gradient x activation",
    "integrated_gradients": "Integrated gradients from a uniform grey image in 32 steps",
}
"""What each one is, as the plan and the report begin to say it."""


def choose(subject: Subject, requested: Requested = "auto") -> tuple[Attributor, str]:
    """Return an attributor that fits the model, and one sentence with the reason.

    Parameters
    ----------
    subject : Subject
    requested : {"auto", "lrp", "attnlrp", "gradient_x_activation", "integrated_gradients"}
        `auto` takes LRP where its rules fit all layers of the model, as in networks of convolutions and ReLUs; else
        AttnLRP where its rules fit all operations, as in transformers and networks with GELU, SiLU, gates or layer
        norms; else gradient x activation. It never depends on what else is installed.

    Raises
    ------
    ModelError
        An unknown name, or LRP or AttnLRP was asked for and has no rule for a part of the model.
    """
    if requested == "auto":
        return _first_that_fits(subject)
    if requested not in ATTRIBUTORS:
        names = ("auto", *ATTRIBUTORS)
        raise ModelError(f"unknown attributor {requested!r}; valid are {', '.join(names)}{nearest(requested, names)}")
    try:
        return ATTRIBUTORS[requested](subject), f"{SENTENCES[requested]}, as the spec asks."
    except UnsupportedError as error:
        raise ModelError(
            f"{_short(requested)} does not fit this model: {error}",
            hint="use examine.attributor: auto, gradient_x_activation or integrated_gradients",
        ) from error


def _first_that_fits(subject: Subject) -> tuple[Attributor, str]:
    try:
        return Lrp(subject), f"{SENTENCES['lrp']}, since every layer of the model has a propagation rule."
    except UnsupportedError as error:
        no_lrp = str(error)
    try:
        return AttnLrp(subject), f"{SENTENCES['attnlrp']}, since the z+ composite does not fit: {no_lrp}."
    except UnsupportedError as error:
        why = f"LRP does not fit, since {no_lrp}; AttnLRP does not, since {error}"
        return GradientXActivation(subject), f"{SENTENCES['gradient_x_activation']}: {why}."


def _short(name: str) -> str:
    return SENTENCES[name].partition(" ")[0]
