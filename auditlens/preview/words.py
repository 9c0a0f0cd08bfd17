"""What the number of units can decide, in words."""

from __future__ import annotations

from dataclasses import dataclass

from auditlens.preview import basis as of
from auditlens.spec.metrics import shown_value
from auditlens.stages.plan import PlannedGate
from auditlens.stages.subgroups import Stratum

EVENT = {
    "sensitivity": "miss",
    "specificity": "false alarm",
    "decision_flips": "flip",
    "flip_rate": "flip",
    "decision_flips_beyond_sham": "flip (and none by its sham)",
}
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
    known : bool
        Whether the observations are known.
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
    known: bool = True


def gate_sentence(gate: PlannedGate, found: Outcome) -> str:
    """Such as `41 units with no flip still allow 7.0 %; a 2.0 % limit needs 149.`."""
    if found.can_hold is None:
        return _not_worked_out(gate, found)
    if not found.n_units:
        return "No image to rest on."
    if found.can_hold:
        return " ".join(
            part for part in (_allowed(gate, found), _decides(gate, found), _precision(gate, found)) if part
        )
    return f"{_allowed(gate, found)} {_needs(gate, found)}"


def stratum_sentence(gate: PlannedGate, stratum: Stratum, found: Outcome) -> str:
    """The same for one subgroup, shorter."""
    if found.can_hold is None:
        return f"{stratum.name}: {_not_worked_out(gate, found)}"
    if not found.n_units:
        return f"{stratum.name}: no image to rest on."
    said = f"{stratum.name}: {_allowed(gate, found)}"
    return said if found.can_hold else f"{said} {_needs(gate, found)}"


def _not_worked_out(gate: PlannedGate, found: Outcome) -> str:
    if not found.known:
        return "What it rests on follows from the run."
    return f"{_units(found)}; what so many can decide is not worked out for {gate.metric}."


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
    if gate.metric in of.SHARES:
        return f"{_units(found)}."
    return f"{_units(found)}: the best possible ranks show {value}."


def _needs(gate: PlannedGate, found: Outcome) -> str:
    limit = f"a limit of {gate.relation} {_shown(gate, gate.bound)}"
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
    return f"An AUROC near the limit is known to about {found.reach:.3f} (Hanley-McNeil)."


def _shown(gate: PlannedGate, value: float) -> str:
    return shown_value(value, gate.metric).removeprefix("+")
