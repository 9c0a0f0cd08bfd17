"""The audited model in words: the file that ships, and how far its eager twin stands for it."""

from __future__ import annotations

from markupsafe import Markup

from auditlens.report.wording import breakable, count_text, plural, short_hash
from auditlens.stages.plan import PlannedModel, PlannedReleased


def model_text(model: PlannedModel) -> Markup:
    """Name what was audited in a few words: the file that ships, else architecture and weights."""
    released = model.released
    if released is None:
        named = breakable(model.architecture), short_hash(model.weights_sha256), silenced_text(model)
        return Markup("{}, weights {}{}").format(*named)
    shipped = breakable(released.file), released.format, short_hash(released.sha256)
    return Markup("{} ({}), released file {}").format(*shipped)


def silenced_text(model: PlannedModel) -> str:
    """Say how many components were set to zero; empty for a whole model."""
    return f", pruned: {plural(len(model.silenced), 'component')} silenced" if model.silenced else ""


def twin_text(model: PlannedModel) -> Markup:
    """Say whose inside was looked at, and by which measure it is the released model; empty without a released file."""
    released = model.released
    if released is None:
        return Markup("")
    if released.gap is None:
        return Markup("Behaviour only: no eager twin is given, so the inside is not evaluated.")
    if not released.equivalent:
        sentence = "Behaviour only: the eager twin is another model ({}), so the inside is not evaluated."
        return Markup(sentence).format(gap_text(released))
    twin = breakable(model.architecture), short_hash(model.weights_sha256), gap_text(released)
    return Markup("Inside: its eager twin {}, weights {} ({}).").format(*twin)


def gap_text(released: PlannedReleased) -> str:
    """Write the measured equivalence: the largest gap, and on how many images the decision is the same."""
    same = f"{count_text(released.n_same)} of {count_text(released.n_compared)} images"
    return f"largest gap in probability {released.gap:.1g}, same decision on {same}"


def files_text(released: PlannedReleased) -> str:
    """Name the file with the further files that hold its weights."""
    return " and ".join((released.file, *released.data_files))
