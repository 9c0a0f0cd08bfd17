"""What the rest of a run would take: seconds and memory, from earlier runs where there are any, else assumed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from auditlens.gather.context import Context
from auditlens.preview.assumed import ASSUMPTION, START, assumed_beside, assumed_memory, assumed_stage
from auditlens.preview.crowd import Crowd
from auditlens.preview.looks import Asked
from auditlens.stages.planned_run import NOTHING, PlannedCost, PlannedPart, PlannedStep, Span
from auditlens.store.laps import Spent
from auditlens.store.rates import Rates, all_rates

SAME: Final = (0.7, 1.4)
"""How far a rate of the same model, machine, batch size and threads may be off."""
ALIKE: Final = (0.4, 2.5)
"""How far a rate of another model of the same architecture may be off."""
OWN_LOADING: Final = (0.7, 2.0)
"""What a run loads, in what this plan loaded: the same, and what only measuring needs."""
PARTS: Final[Mapping[str, str]] = {
    "loading": "Starting, and loading models and images",
    "between": "Words, labels and what is read back",
    "judging": "Judging, and the pictures of the report",
    "reports": "Writing the reports",
}
"""What every run takes beside its stages, whatever is stored."""


@dataclass(frozen=True, slots=True)
class Known:
    """Rates that fit this run, and how far they may be off."""

    rates: Rates
    reach: tuple[float, float]
    said: str


def about(context: Context) -> dict[str, Any]:
    """What a rate holds for."""
    behaving = context.subject.digest if context.released is None else context.released.digest
    return {
        "model": [context.subject.digest, behaving],
        "architecture": context.subject.architecture,
        "foundation": None if context.spec.foundation is None else context.spec.foundation.model,
        "on": str(context.model_key["on"]),
        "threads": context.model_key["threads"],
        "batch": context.batch_size,
    }


def known_rates(context: Context) -> Known | None:
    """Rates of this very model, else of its architecture, on this kind of device; None without any."""
    mine = about(context)
    found = list(all_rates(context.store.root))
    for rates in found:
        if rates.about == mine:
            return Known(rates, SAME, "seconds per image of earlier runs of this model in the store")
    for rates in found:
        if all(rates.about.get(name) == mine[name] for name in ("architecture", "on")):
            return Known(rates, ALIKE, "seconds per image of earlier runs of the same architecture in the store")
    return None


class Pricing:
    """Puts a price on what is left of a run.

    Parameters
    ----------
    context : Context
    n_again : int
        Baselines whose models are run again.
    crowd : Crowd, optional
        How busy the machine is now.
    """

    def __init__(self, context: Context, n_again: int = 0, crowd: Crowd | None = None) -> None:
        self._context, self._n_again = context, n_again
        self._crowd = crowd if crowd is not None else Crowd.now()
        self._known = known_rates(context)

    def steps(self, asked: Sequence[Asked]) -> tuple[PlannedStep, ...]:
        """Price every stage."""
        return tuple(self._step(one) for one in asked)

    def _step(self, step: Asked) -> PlannedStep:
        left = Span(low=max(step.items.low - step.n_stored, 0), high=max(step.items.high - step.n_stored, 0))
        share = (_ratio(left.low, step.items.low), _ratio(left.high, step.items.high))
        forward, backward = _share(step.forward, share), _share(step.backward, share)
        rate = self._known.rates.stages.get(step.stage) if self._known is not None else None
        measured = rate is not None and rate.n_items > 0
        whole = self._from_rate(step.items, rate) if rate is not None and measured else self._assumed(step)
        return PlannedStep(
            title=step.title,
            stage=step.stage,
            model=step.model,
            items=step.items,
            n_stored=step.n_stored,
            left=left,
            forward=step.forward,
            backward=step.backward,
            forward_left=forward,
            backward_left=backward,
            seconds=Span(low=whole.low * share[0], high=whole.high * share[1]),
            seconds_anew=whole,
            measured=measured,
            note=step.note,
        )

    def _from_rate(self, items: Span, rate: Spent) -> Span:
        each = self._crowd.between(rate, on_gpu=self._on_gpu)
        reach = self._known.reach if self._known is not None else SAME
        return items.times(each.low / rate.n_items * reach[0], each.high / rate.n_items * reach[1])

    def _assumed(self, step: Asked) -> Span:
        return assumed_stage(self._context, step).times(1.0, self._crowd.factor)

    @property
    def _on_gpu(self) -> bool:
        return str(self._context.model_key["on"]).startswith("cuda")

    def cost(self, steps: Sequence[PlannedStep]) -> PlannedCost:
        """Sum up, and say what the numbers rest on."""
        parts = tuple(self._parts(steps))
        seconds = sum([*(row.seconds for row in steps), *(row.seconds for row in parts)], start=NOTHING)
        peak = self._known.rates.peak / 1e9 if self._known is not None else 0.0
        return PlannedCost(
            seconds=seconds,
            parts=parts,
            time_basis=self._time_basis(steps, parts),
            gigabytes=Span(low=peak * 0.9, high=peak * 1.3) if peak else assumed_memory(self._context)[0],
            memory_basis="the most that earlier runs took" if peak else assumed_memory(self._context)[1],
        )

    def _parts(self, steps: Sequence[PlannedStep]) -> list[PlannedPart]:
        found = [self._part(name) for name in PARTS]
        if self._n_again:
            one = sum((row.seconds_anew for row in steps), start=NOTHING)
            one += sum((row.seconds for row in found if row.name != "reports"), start=NOTHING)
            again = one.times(self._n_again, self._n_again)
            title = f"Running the model of {self._n_again} baseline{'' if self._n_again == 1 else 's'} again"
            found.append(PlannedPart(name="baselines", title=title, seconds=again.times(0.0, 1.0), measured=False))
        return found

    def _part(self, name: str) -> PlannedPart:
        """As an earlier run took it; between equal and in proportion where it had another number of images."""
        rate = self._known.rates.beside.get(name) if self._known is not None else None
        start = Span(low=START[0], high=START[1] * self._crowd.factor) if name == "loading" else NOTHING
        if rate is None or self._known is None:
            seconds = self._assumed_part(name) + start
            return PlannedPart(name=name, title=PARTS[name], seconds=seconds, measured=False)
        each = self._crowd.between(rate, on_gpu=self._on_gpu).times(*self._known.reach)
        more = len(self._context.index) / max(rate.n_items, 1)
        seconds = each.times(min(more, 1.0), max(more, 1.0)) + start
        return PlannedPart(name=name, title=PARTS[name], seconds=seconds, measured=True)

    def _assumed_part(self, name: str) -> Span:
        if name == "loading":
            own = self._context.store.laps.spent.get("loading", Spent())  # of this very plan
            return self._crowd.between(own, on_gpu=self._on_gpu).times(*OWN_LOADING)
        return assumed_beside(self._context, name).times(1.0, self._crowd.factor)

    def _time_basis(self, steps: Sequence[PlannedStep], parts: Sequence[PlannedPart]) -> str:
        open_rows = [row for row in steps if not row.cached] + [row for row in parts if row.name != "loading"]
        assumed = sum(not row.measured for row in open_rows)
        said = ["nothing is left to compute; loading, judging and the reports remain"] * all(s.cached for s in steps)
        if assumed < len(open_rows) and self._known is not None:
            said.append(self._known.said)
            said += [f"of {assumed} of {len(open_rows)} stages {ASSUMPTION}"] if assumed else []
        else:
            said.append(ASSUMPTION)
        return "; ".join([*said, self._crowd.said])


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _share(span: Span, share: tuple[float, float]) -> Span:
    low, high = sorted((span.low * share[0], span.high * share[1]))
    return Span(low=float(round(low)), high=float(round(high)))
