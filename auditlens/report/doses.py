"""Dose curves as the report and the table show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from auditlens.report.bars import AMBER, BLUE, INK, VIOLET
from auditlens.report.curves import Curve, Limit, curves_svg
from auditlens.stages.doses import DoseFinding, DoseLevel, DoseLimit
from auditlens.stages.record import AuditRecord

DOSES = {
    "scale": "size factor",
    "opacity": "opacity",
    "count": "copies in one image",
    "position": "0 at the border, 1 in the centre",
}
"""What the dose is, under the curve."""
SHAM_GREY = "#8a94a0"
EFFECTS = ("artefact_effect", "effect_minus_sham")


@dataclass(frozen=True, slots=True)
class DoseView:
    """One curve: artefact, dimension and class."""

    finding: DoseFinding
    effect: Markup
    flips: Markup
    directions: tuple[tuple[str, str], ...]
    """Directions of the right picture with their colours."""
    further: tuple[str, ...]
    """Curves of the left picture that are of one class only."""

    @property
    def title(self) -> str:
        """Such as `a ruler, by opacity`."""
        return f"{self.finding.label}, by {self.finding.dimension}"


def dose_views(record: AuditRecord) -> tuple[DoseView, ...]:
    """All dose curves, in the order of the findings; empty where the spec names no dose."""
    return tuple(_view(row) for row in record.findings.doses)


def _view(row: DoseFinding) -> DoseView:
    return DoseView(
        finding=row,
        effect=_effect_curves(row),
        flips=_flip_curves(row),
        directions=tuple((f"{source} → {target}", colour) for source, target, colour in _directions(row)),
        further=tuple(name for name, _ in _of_one_class(row)),
    )


def _effect_curves(row: DoseFinding) -> Markup:
    curves = [Curve("with the artefact", BLUE, "circle", tuple(level.raw for level in row.levels))]
    if row.kind == "beyond":
        curves.append(Curve("with its sham", SHAM_GREY, "ring", tuple(level.sham for level in row.levels)))
        curves.append(Curve("beyond the sham", INK, "diamond", tuple(level.beyond for level in row.levels)))
    curves += [Curve(name, AMBER, "circle", limit.estimates) for name, limit in _of_one_class(row)]
    limits = _limits(row, lambda limit: limit.metric in EFFECTS)
    title = f"Change of P({row.class_name}), all images"
    return curves_svg(_levels(row), curves, limits, "signed", title, DOSES[row.dimension])


def _of_one_class(row: DoseFinding) -> list[tuple[str, DoseLimit]]:
    """What effect gates read that look at the images of one class or subgroup only: a curve of their own."""
    return [
        (f"{limit_about(limit)}, as {limit.gate} reads it", limit)
        for limit in row.limits
        if limit.metric in EFFECTS and (limit.true_class is not None or limit.within)
    ]


def _flip_curves(row: DoseFinding) -> Markup:
    curves = [
        Curve(f"{source} to {target}", colour, "circle", tuple(_read(level, at) for level in row.levels))
        for at, (source, target, colour) in enumerate(_directions(row))
    ]
    limits = _limits(row, lambda limit: limit.metric not in EFFECTS)
    title = "Decisions turned" + (", beyond the sham" if row.kind == "beyond" else "")
    return curves_svg(_levels(row), curves, limits, "percent", title, DOSES[row.dimension])


def _read(level: DoseLevel, at: int) -> Any:
    flip = level.flips[at]
    return flip.beyond if flip.beyond is not None else flip.rate


def _directions(row: DoseFinding) -> list[tuple[str, str, str]]:
    colours = (BLUE, VIOLET)
    return [(flip.from_class, flip.to_class, colours[at]) for at, flip in enumerate(row.levels[0].flips)]


def _levels(row: DoseFinding) -> tuple[float, ...]:
    return tuple(level.level for level in row.levels)


def _limits(row: DoseFinding, fits: Any) -> list[Limit]:
    """Limits to draw, each once; raw metrics are drawn too, beside those beyond the sham."""
    found = dict.fromkeys((limit.relation, limit.bound) for limit in row.limits if fits(limit))
    return [Limit(relation, bound) for relation, bound in found]


def limit_about(limit: DoseLimit) -> str:
    """Say what a gate's limit is about: a direction, or the images of a class; and the subgroup, where it names one."""
    if limit.from_class is not None:
        said = f"{limit.from_class} → {limit.to_class}"
    else:
        said = f"{limit.true_class} images" if limit.true_class is not None else "all images"
    return ", ".join([said, *(f"{column} {value}" for column, value in limit.within.items())])


def dose_rows(record: AuditRecord) -> list[dict[str, Any]]:
    """One row per artefact, dimension, class, level and measure: `tables/doses.parquet`."""
    return [
        {**_head(finding), "level": level.level, "measure": measure, "to_class": target, **numbers}
        for finding in record.findings.doses
        for level in finding.levels
        for measure, target, numbers in _measures(level)
    ]


def _head(row: DoseFinding) -> dict[str, Any]:
    return row.model_dump(
        include={"artefact", "dimension", "class_name", "shape", "n_images", "n_units", "n_instances"}
    )


def _measures(level: DoseLevel) -> list[tuple[str, str | None, dict[str, Any]]]:
    whole = {"mean_area": level.mean_area, "sham_energy_ratio": level.sham_energy_ratio}
    rows = [("probability", None, {**whole, **_flat(level.raw, level.sham, level.beyond)})]
    return rows + [
        (f"flip of {flip.from_class}", flip.to_class, {**whole, **_flat(flip.rate, flip.sham, flip.beyond)})
        for flip in level.flips
    ]


def _flat(*estimates: Any) -> dict[str, Any]:
    return {
        f"{name}_{field}": getattr(estimate, field, None)
        for name, estimate in zip(("raw", "sham", "beyond"), estimates, strict=True)
        for field in NUMBERS
    }


NUMBERS = ("value", "low", "high", "confidence")
DOSE_COLUMNS = (
    {"artefact": "string", "dimension": "string", "class_name": "string", "shape": "string", "n_images": "int64"}
    | {"n_units": "int64", "n_instances": "int64", "level": "float64", "measure": "string", "to_class": "string"}
    | {"mean_area": "float64", "sham_energy_ratio": "float64"}
    | {f"{name}_{field}": "float64" for name in ("raw", "sham", "beyond") for field in NUMBERS}
)
