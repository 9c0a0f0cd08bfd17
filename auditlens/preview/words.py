"""What the number of units can decide, in words."""

from __future__ import annotations

import math
from dataclasses import dataclass

from auditlens.findings.statistics.clusters import MIN_UNITS_MEAN
from auditlens.preview import basis as of
from auditlens.preview.layers import KnownLayer
from auditlens.spec.metrics import shown_limit, shown_value
from auditlens.stages.plan import PlannedGate
from auditlens.stages.subgroups import Stratum

EVENT = {
    "sensitivity": "miss",
    "specificity": "false alarm",
    "decision_flips": "flip",
    "flip_rate": "flip",
    "decision_flips_beyond_sham": "flip (and none by its sham)",
}
NO_IMAGE = "No image to rest on."
PLURAL = {"miss": "misses", "flip (and none by its sham)": "flips (and none by its sham)"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was worked out for one gate.

    Attributes
    ----------
    n_images, n_units : int
    can_hold, can_fail : bool or None
    at_most : bool
        Whether fewer images may remain.
    smallest : float or None
        Tightest limit at the best outcome.
    needed : int or None
        Fewest units at the best outcome.
    events : (most that hold, fewest that fail), or None
    reach : float or None
        Half width of the interval to be expected.
    sides : (positives, negatives), or None
        Units.
    layer : KnownLayer or None
        Of metrics of the inside.
    """

    n_images: int
    n_units: int
    can_hold: bool | None = None
    can_fail: bool | None = None
    at_most: bool = False
    smallest: float | None = None
    needed: int | None = None
    events: tuple[int, int | None] | None = None
    reach: float | None = None
    sides: tuple[int, int] | None = None
    layer: KnownLayer | None = None


def gate_sentence(gate: PlannedGate, found: Outcome) -> str:
    """Such as `41 units with no flip still allow 7.0 %; a 2.0 % limit needs 149.`."""
    if found.can_hold is None or not found.n_units:
        return NO_IMAGE
    if not found.can_hold:
        return f"{_allowed(gate, found)} {_needs(gate, found)}"
    parts = (_allowed(gate, found), _condition(gate, found), _decides(gate, found), _precision(gate, found))
    return " ".join(part for part in parts if part)


def stratum_sentence(gate: PlannedGate, stratum: Stratum, found: Outcome) -> str:
    """The same for one subgroup, shorter."""
    if found.can_hold is None or not found.n_units:
        return f"{stratum.name}: {NO_IMAGE[:1].lower()}{NO_IMAGE[1:]}"
    said = f"{stratum.name}: {_allowed(gate, found)}"
    return said if found.can_hold else f"{said} {_needs(gate, found)}"


def _units(found: Outcome) -> str:
    images = "" if found.n_images == found.n_units else f" ({found.n_images} images)"
    if found.sides is not None:
        return f"{found.sides[0]} against {found.sides[1]} units{images}"
    return f"{'At most ' if found.at_most else ''}{found.n_units} unit{'' if found.n_units == 1 else 's'}{images}"


def _allowed(gate: PlannedGate, found: Outcome) -> str:
    """What the best outcome leaves open."""
    said = _best(gate, found)
    return f"In the smallest subgroup: {said[:1].lower()}{said[1:]}" if gate.worst_subgroup else said


def _best(gate: PlannedGate, found: Outcome) -> str:
    if found.smallest is None:
        return f"{_units(found)}: too few for an interval."
    value = _shown(gate, found.smallest)
    if gate.against is not None:
        return f"{_units(found)} without any difference to {gate.against} still allow {value}."
    if gate.metric in ("sensitivity", "specificity"):
        return f"{_units(found)}, all of them right, would show {value}."
    if gate.metric in ("decision_flips", "decision_flips_beyond_sham", "flip_rate"):
        return f"{_units(found)} with no flip still allow {value}."
    if gate.metric in of.EFFECTS:
        return f"{_units(found)} without any change still allow {value}."
    if gate.metric == "accuracy_drop":
        return f"{_units(found)} with no decision changed still allow {value}."
    if gate.metric in (*of.SHARES, *of.SCORES, "valid_coverage", "mediated_share"):
        enough = "enough" if found.n_units >= MIN_UNITS_MEAN else "too few"
        what = "share of the effect" if gate.metric == "mediated_share" else "mean over the images"
        return f"{_units(found)}: {enough} for a {what} with an interval ({MIN_UNITS_MEAN} are needed)."
    return f"{_units(found)}: the best possible ranks show {value}."


def _condition(gate: PlannedGate, found: Outcome) -> str:
    """What must be found before so many units decide anything; the run finds it."""
    layer = found.layer
    if gate.metric == "mediated_share":
        left = " Images of units that gave these components examples drop out." if found.at_most else ""
        return (
            "The run decides first whether any component carries the artefact's label and whether the effect is clear "
            f"of zero: without either there is no share.{left}"
        )
    if gate.metric == "valid_coverage" and layer is not None:
        return _steps(gate, layer)
    if gate.metric in of.SCORES and layer is not None:
        return (
            f"The interval is over images; which of the {layer.n_components} components are relevant, and their "
            "examples, are taken as the run finds them, so their number does not change it."
        )
    return ""


def _steps(gate: PlannedGate, layer: KnownLayer) -> str:
    """In which steps coverage moves, and how many groups the limit asks for."""
    n_groups = len(layer.groups)
    asked = math.ceil(gate.bound * n_groups - 1e-9)
    groups = f"{n_groups} group{'' if n_groups == 1 else 's'} of valid concepts"
    few = len(layer.coverable)
    most = f"; at most {few} components can reach the relevance floor at once" if few < n_groups else ""
    return (
        f"Of at most {groups} (those that are not seen do not count) the limit asks for {asked}; each is worth "
        f"{_shown(gate, 1 / n_groups)}{most}."
    )


def _needs(gate: PlannedGate, found: Outcome) -> str:
    limit = f"a limit of {gate.relation} {shown_limit(gate.bound, gate.metric)}"
    if gate.min_units > found.n_units and (found.needed is None or found.needed <= gate.min_units):
        return f"A gate in a subgroup needs {gate.min_units}."
    if found.needed is None:
        return f"No number of units is enough for {limit}."
    each = " on either side" if found.sides is not None else ""
    return f"{limit[:1].upper()}{limit[1:]} needs {found.needed}{each}."


def _decides(gate: PlannedGate, found: Outcome) -> str:
    """From how many events on the state changes."""
    if found.events is None:
        return ""
    most, first = found.events
    event = EVENT[gate.metric]
    events = PLURAL.get(event, f"{event}s")
    fails = f", fails from {first} on" if first is not None else ", cannot fail"
    return f"Holds with at most {most} {event if most == 1 else events}{fails}."


def _precision(gate: PlannedGate, found: Outcome) -> str:
    if found.reach is None:
        return ""
    if gate.metric in of.EFFECTS:
        return f"At a spread of 0.10 the mean is known to {100 * found.reach:.1f} points."
    if gate.metric in (*of.SHARES, *of.SCORES):
        reach = f"{100 * found.reach:.1f} points" if gate.metric in of.SHARES else f"{found.reach:.3f}"
        return f"Where images differ by 0.10 (standard deviation) it is known to {reach}."
    return f"An AUROC near the limit is known to about {found.reach:.3f} (Hanley-McNeil)."


def _shown(gate: PlannedGate, value: float) -> str:
    return shown_value(value, gate.metric).removeprefix("+")
