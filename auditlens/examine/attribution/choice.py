"""Choose the attributor, and say why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal, TypeAlias

from auditlens.errors import ModelError
from auditlens.examine.attribution.attributor import Attributor
from auditlens.examine.attribution.gradient import GradientXActivation
from auditlens.examine.attribution.lrp import Lrp
from auditlens.examine.attribution.rewrite import UnsupportedError
from auditlens.subject import Subject

Requested: TypeAlias = Literal["auto", "lrp", "gradient_x_activation"]

ATTRIBUTORS: Final[Mapping[str, Callable[[Subject], Attributor]]] = {
    "lrp": Lrp,
    "gradient_x_activation": GradientXActivation,
}


def choose(subject: Subject, requested: Requested = "auto") -> tuple[Attributor, str]:
    """Return an attributor that fits the model, and one sentence with the reason.

    Parameters
    ----------
    subject : Subject
    requested : {"auto", "lrp", "gradient_x_activation"}
        `auto` takes LRP where a rule set fits all layers of the model.

    Raises
    ------
    ModelError
        LRP was asked for, and no rule set fits.
    """
    if requested not in ("auto", *ATTRIBUTORS):
        raise ModelError(f"unknown attributor {requested!r}; valid are auto, {', '.join(ATTRIBUTORS)}")
    if requested == "gradient_x_activation":
        return GradientXActivation(subject), "Gradient x activation, as the spec asks."
    try:
        attributor = Lrp(subject)
    except UnsupportedError as error:
        if requested == "lrp":
            raise ModelError(
                f"LRP does not fit this model: {error}", hint="use examine.attributor: auto or gradient_x_activation"
            ) from error
        return GradientXActivation(subject), f"Gradient x activation: LRP does not fit, since {error}."
    why = "as the spec asks" if requested == "lrp" else "since every layer of the model has a propagation rule"
    return attributor, f"LRP with the epsilon, z+ and flat rules, {why}."
