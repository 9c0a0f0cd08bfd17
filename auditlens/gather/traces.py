"""Which stored results a run used: what `plan` needs of the stages whose keys follow from what is found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from auditlens.gather.context import Context
from auditlens.gather.space import foundation_key
from auditlens.spec.load import merged_document

STAGE: Final = "traces"
MEASURES_NOTHING: Final = frozenset(
    {"audit", "gates", "waivers", "report", "protocol", "baselines", "change", "tiers", "data"}
)
"""Parts of the spec that change no measurement; the data stand in the key by their digest."""
Trace = tuple[tuple[str, str, int], ...]
"""Stage, place below the store's root, and number of items of each result."""


def keep_trace(context: Context, selection: Sequence[str] = ()) -> None:
    """Store which results this run used; equal settings use equal results, so the first run's list stays."""
    used = [[one.stage, one.place, one.n_items] for one in context.store.used.values()]
    context.store.json(STAGE, trace_key(context, selection), lambda: used)


def find_trace(context: Context, selection: Sequence[str] = ()) -> Trace | None:
    """What an earlier run with the same settings used; None where there was none."""
    found = context.store.kept_json(STAGE, trace_key(context, selection))
    return None if found is None else tuple((stage, place, int(n)) for stage, place, n in found)


def trace_key(context: Context, selection: Sequence[str]) -> Mapping[str, Any]:
    """Everything that the measurements of a run depend on."""
    document = {name: part for name, part in merged_document(context.spec).items() if name not in MEASURES_NOTHING}
    models = [(context.spec.foundation, context.foundation), *zip(context.spec.opinions, context.opinions, strict=True)]
    return context.key(
        spec=document,
        foundations=[foundation_key(spec, model) for spec, model in models if model is not None],
        sets=[[row.name, list(row.uses), row.sha256] for row in context.sets.sets if row.uses != ("compared",)],
        within=list(context.spec.data.within),
        released=None if context.released is None else context.released.digest,
        selection=list(selection),
    )
