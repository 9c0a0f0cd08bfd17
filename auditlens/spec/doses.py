"""Doses of an artefact and combinations of several: what the spec asks for, and which kinds take which dose."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field

from auditlens.spec.nodes import Fields, Leaf, Path, Problems, child, place, select
from auditlens.spec.parts import Part

Dimension = Literal["scale", "opacity", "count", "position"]
FEWEST, MOST = 2, 8
"""Levels of one dimension."""


def _increasing(levels: tuple[Any, ...]) -> tuple[Any, ...]:
    if not FEWEST <= len(levels) <= MOST:
        raise ValueError(f"a dose has {FEWEST} to {MOST} levels, not {len(levels)}")
    if any(after <= before for before, after in pairwise(levels)):
        raise ValueError(f"levels must increase strictly; write {sorted(set(levels))}")
    return levels


_LEVELS: Final = (AfterValidator(_increasing), Field(json_schema_extra={"minItems": FEWEST, "maxItems": MOST}))
Sizes = Annotated[tuple[Annotated[float, Field(gt=0, le=100)], ...], *_LEVELS]
Covers = Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], *_LEVELS]
Counts = Annotated[tuple[Annotated[int, Field(ge=1, le=20)], ...], *_LEVELS]
Ways = Annotated[tuple[Annotated[float, Field(ge=0, le=1)], ...], *_LEVELS]


class Dose(Part):
    """Levels at which the artefact test is repeated on the same images, with the same instances and places."""

    scale: Sizes | None = Field(None, description="Size factors, in place of the range that is drawn from.")
    opacity: Covers | None = Field(None, description="Opacities, in place of the range that is drawn from.")
    count: Counts | None = Field(None, description="How many copies, each a further instance at a place of its own.")
    position: Ways | None = Field(
        None, description="How far in: 0 touches the border, whole in view; 1 is centred. `avoid` is set aside."
    )

    def levels(self) -> dict[Dimension, tuple[float, ...]]:
        """Levels by dimension, for those that are given."""
        given: dict[Dimension, tuple[float, ...] | None] = {
            "scale": self.scale,
            "opacity": self.opacity,
            "count": self.count,
            "position": self.position,
        }
        return {dimension: levels for dimension, levels in given.items() if levels is not None}


class Combinations(Part):
    """Several artefacts in the same image, against the sum of their single effects."""

    artefacts: Literal["all"] | tuple[str, ...] = Field("all", description="Artefacts to combine, or `all`.")
    pairs: bool = Field(True, description="Every two of them.")
    all_together: bool = Field(True, description="All of them in one image.")
    images: int = Field(60, ge=1, description="Images per class, clean of all artefacts of the combination.")


WHOLE_IMAGE: Final = frozenset(
    {"tint", "hue_shift", "jpeg", "blur", "colour_cast", "colour_profile", "background", "transplant"}
)
NO_SIZE: Final = WHOLE_IMAGE - {"blur"}
"""Kinds for which `scale` has no meaning."""
NO_PLACE: Final = WHOLE_IMAGE | {"dark_corner"}
"""Kinds that lie where they lie: neither `placement` nor `avoid` moves them."""
NO_COUNT: Final = WHOLE_IMAGE | {"dark_corner", "collimator", "frame"}
"""Kinds that the image has once or not at all."""
PLACED: Final = frozenset(
    {"overlay", "cutout", "ruler", "band_aid", "gel_bubble", "reflection", "logo", "text", "timestamp", "side_marker"}
)
"""Kinds of which every instance has one place (each bubble its own), so that it can be moved."""


def check_doses(root: Fields, problems: Problems) -> None:
    """Refuse doses that have no meaning for a kind, and combinations of fewer than two artefacts."""
    for path, node in select(root, ("artefacts", "*", "dose")):
        if isinstance(node, Fields):
            _check_dose(root, path, node, problems)
    _check_combinations(root, problems)


def _check_dose(root: Fields, path: Path, dose: Fields, problems: Problems) -> None:
    kind, placement = (_text(root, (*path[:-1], name)) for name in ("kind", "placement"))
    if not any(not (isinstance(node, Leaf) and node.value is None) for _, node in dose.entries.values()):
        problems.add(place(root, path, key=True), path, "give levels of scale, opacity, count or position")
    for name in dose.entries:
        why = refusal(kind or "", name, placement)
        if why:
            problems.add(place(root, (*path, name), key=True), (*path, name), why)


def refusal(kind: str, dimension: str, placement: str | None) -> str:
    """Say why a kind takes no dose of a dimension; empty where it does."""
    full = placement == "full"
    if dimension == "scale" and kind in NO_SIZE:
        return f"a {kind} has no size; its dose is opacity"
    if dimension == "scale" and kind == "overlay" and full:
        return "with 'placement: full' the picture always has the size of the image; its dose is opacity"
    if dimension == "count" and kind in NO_COUNT:
        return f"a {kind} changes the image once or not at all, so it cannot be counted"
    if dimension == "position" and kind not in PLACED:
        valid = ", ".join(sorted(PLACED))
        return f"placement has no say for a {kind}, or not for all of its instances; valid for {valid}"
    if dimension == "position" and full:
        return "'placement: full' leaves nothing to move; write another placement"
    return ""


def _check_combinations(root: Fields, problems: Problems) -> None:
    path: Path = ("challenge", "combinations")
    found = [node for _, node in select(root, ("challenge", "combinations"))]
    if not found or not isinstance(found[0], Fields):
        return
    given = child(found[0], "artefacts")
    named = [node.value for _, node in select(found[0], ("artefacts", "*")) if isinstance(node, Leaf)]
    everything = given is None or (isinstance(given[1], Leaf) and given[1].value == "all")
    section = child(root, "artefacts")
    available = tuple(section[1].entries) if section and isinstance(section[1], Fields) else ()
    if len(set(available if everything else named)) < 2:
        at = path if given is None else (*path, "artefacts")
        problems.add(place(root, at, key=True), at, "a combination needs two different artefacts")
    wanted = [child(found[0], name) for name in ("pairs", "all_together")]
    if all(entry is not None and isinstance(entry[1], Leaf) and entry[1].value is False for entry in wanted):
        problems.add(place(root, path, key=True), path, "neither pairs nor all_together is wanted; leave the part out")


def _text(root: Fields, path: Path) -> str | None:
    node: Any = root
    for step in path:
        found = child(node, step)
        if found is None:
            return None
        node = found[1]
    return node.value if isinstance(node, Leaf) and isinstance(node.value, str) else None
