"""From what the spec writes under `layers` to parts of the model: names, globs, and what is found by itself."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final

from torch import nn

from auditlens.errors import LayerError
from auditlens.subject.trace import Event, Trace, has_extent

AUTO: Final = "auto"


def select_parts(
    trace: Trace, module: nn.Module, layers: str | Sequence[str], find_auto: Callable[[Trace], Event]
) -> tuple[Event, ...]:
    """Resolve names, globs and `auto`, in the order in which the parts finish.

    A part is taken once however often it is named. Globs leave out pooling, dropout and flattening, the classifier and
    what follows it. What `auto` or a glob finds is left out if it returns the very values of a part that is taken
    already: a block and its last ReLU are one layer.

    Parameters
    ----------
    trace : Trace
    module : nn.Module
    layers : str or sequence of str
        Names as in `module.named_modules()`, globs, or `auto`.
    find_auto : callable
        The layer that `auto` stands for.

    Raises
    ------
    LayerError
        A name that the model does not have, a part that returns no tensor per image, a glob that matches nothing, or
        nothing to find for `auto`.
    """
    wanted = (layers,) if isinstance(layers, str) else tuple(dict.fromkeys(layers))
    names = {part for part, _ in module.named_modules() if part}
    plain = [word for word in wanted if word in names or not (is_glob(word) or word == AUTO)]
    taken = [_named(word, trace, names) for word in plain]
    seen = {_values(event) for event in taken}
    for word in sorted(set(wanted) - set(plain), key=lambda word: word != AUTO):
        for event in [find_auto(trace)] if word == AUTO else _matching(word, trace):
            if _values(event) not in seen:
                seen.add(_values(event))
                taken.append(event)
    return _in_order(taken, trace)


def is_glob(word: str) -> bool:
    """Whether a word has a wildcard: `*`, `?` or `[...]`."""
    return any(letter in word for letter in "*?[")


def valid_names(trace: Trace) -> str:
    """Name the last few layers with a spatial extent, or the last few of all."""
    events = [event for event in trace.events if has_extent(event.output)] or list(trace.events)
    names = list(dict.fromkeys(event.name for event in events))
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return ", ".join(reversed(names[-6:])) + more


def _named(name: str, trace: Trace, names: set[str]) -> Event:
    events = [event for event in trace.events if event.name == name]
    if events:
        return events[-1]
    if name in names:
        raise LayerError(
            f"layer {name!r} returned no tensor per image when the model ran; valid are {valid_names(trace)}"
        )
    raise LayerError(f"the model has no layer {name!r}; valid are {valid_names(trace)}{_near(name, names)}")


def _matching(glob: str, trace: Trace) -> list[Event]:
    """Parts that a glob matches, those that ran once before others, so that of equal values they are taken."""
    pattern, calls = _pattern(glob), trace.n_calls
    inside = trace.events[: trace.classifier]
    last = {event.name: event for event in inside if pattern.fullmatch(event.name) and event.makes_components}
    if not last:
        names = {event.name for event in inside if event.makes_components}
        raise LayerError(
            f"no layer matches {glob!r} (`*` stands for anything but a dot, `**` for anything); "
            f"valid are {valid_names(trace)}{_near(glob.replace('*', ''), names)}"
        )
    return sorted(last.values(), key=lambda event: calls[event.name])


@cache
def _pattern(glob: str) -> re.Pattern[str]:
    """Translate a glob: `*` and `?` stay within one part of a dotted name, `**` does not."""
    pieces = re.split(r"(\*\*|\*|\?|\[[^\]]+\])", glob)
    wild = {"**": ".*", "*": r"[^.]*", "?": r"[^.]"}
    return re.compile("".join(wild.get(p) or (_set(p) if p.startswith("[") else re.escape(p)) for p in pieces))


def _set(piece: str) -> str:
    inside = piece[1:-1].replace("\\", "\\\\").replace("^", "\\^")
    return (
        f"[{'^' if inside.startswith('!') else ''}{inside.removeprefix('!')}]" if len(piece) > 2 else re.escape(piece)
    )


def _near(name: str, names: set[str]) -> str:
    close = difflib.get_close_matches(name, sorted(names), n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(map(repr, close))}?" if close else ""


def _values(event: Event) -> tuple[int, int]:
    """What two parts share that return the very same values: the object, before any later change in place."""
    return id(event.output), event.version


def _in_order(taken: Sequence[Event], trace: Trace) -> tuple[Event, ...]:
    place = {id(event): number for number, event in enumerate(trace.events)}
    by_name = {event.name: event for event in taken}
    return tuple(sorted(by_name.values(), key=lambda event: place[id(event)]))
