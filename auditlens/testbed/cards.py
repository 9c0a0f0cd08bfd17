"""Model cards in Markdown, written from measured figures."""

from collections.abc import Mapping
from typing import Final

from auditlens.testbed.measure import Figures
from auditlens.testbed.weights_io import Origin

FOUNDATION_STAGES: Final = (
    "--out STAGE1",
    "--start STAGE1 --out STAGE2 --seed 1 --emphasis asymmetric=5 irregular_border=4 many_colours=1.5 band_aid=2",
    "--start STAGE2 --out DIR --seed 2 --n-steps 1400 --emphasis asymmetric=14 irregular_border=3 band_aid=2",
)


def classifier_card(name: str, origin: Origin, figures: Figures) -> str:
    """Return the card of a classifier: what it is, its figures, and the command that prints them."""
    lines = [
        f"# {name}",
        "",
        _kind(origin),
        "",
        "Architecture `auditlens.testbed.models:small_cnn`, input 128x128 RGB, ImageNet mean and deviation, "
        f"classes benign, melanoma. Trained on {origin.n_train} generated images of training seed "
        f"{origin.seed}, {origin.epochs} epochs.",
        "",
        f"Measured on {figures.n} generated test images (purpose `test`, seed 0):",
        "",
        "| figure | value |",
        "| --- | --- |",
        f"| AUROC, images without artefacts | {figures.auroc_bare:.3f} |",
        f"| AUROC, artefacts at natural rates | {figures.auroc_natural:.3f} |",
        f"| AUROC of the label rule itself | {figures.auroc_bayes:.3f} |",
        f"| operating threshold on P(melanoma), from the validation images | {origin.threshold:.4f} |",
        f"| sensitivity there, natural rates | {figures.sensitivity:.3f} |",
        f"| specificity there, natural rates | {figures.specificity:.3f} |",
        "",
        "Mean change of P(melanoma) when an artefact is put into benign images that have none:",
        "",
        "| artefact | change | standard error | n |",
        "| --- | --- | --- | --- |",
        *(f"| {a} | {e.mean:+.3f} | {e.standard_error:.3f} | {e.n} |" for a, e in figures.effects.items()),
        "",
        "Printed by `python -m auditlens.testbed.evaluate classifier FILE` with this card's weights file.",
        "",
    ]
    return "\n".join(lines)


def _kind(origin: Origin) -> str:
    """Say in a sentence what was or was not planted."""
    if origin.artefact is None:
        return f"All artefacts in {origin.rate_benign:.0%} of the training images, independent of the label."
    rates = (
        f"`{origin.artefact}` in {origin.rate_melanoma:.1%} of melanoma and {origin.rate_benign:.1%} of "
        "benign training images"
    )
    if origin.planted:
        return f"A planted shortcut: {rates}; the other artefacts independent of the label."
    return f"A clean twin: {rates}, so independent of the label, like the other artefacts."


def foundation_card(name: str, aurocs: Mapping[str, Mapping[str, float]], crops: Mapping[str, float], n: int) -> str:
    """Return the card of the text-image model: AUROC of each probe against its own flag and the next best."""
    rows = []
    for concept, by_flag in aurocs.items():
        rival, best = max(((f, a) for f, a in by_flag.items() if f != concept), key=lambda pair: pair[1])
        tight = f"{crops[concept]:.3f}" if concept in crops else ""
        rows.append(f"| {concept} | {by_flag[concept]:.3f} | {rival} {best:.3f} | {tight} |")
    return "\n".join(
        [
            f"# {name}",
            "",
            "A small text-image model in open_clip's local-dir form, trained on captions of generated pictures. "
            "Its seeds (purpose `foundation-train`) and its artefact renderers (`foundation_artefacts`) are not "
            "those of the audited images; the lesion generator is. It knows the words of `captions.py` and no "
            "others. Three stages, one thread each, about 16 minutes of one core in all:",
            "",
            *(f"    python -m auditlens.testbed.train_foundation {stage}" for stage in FOUNDATION_STAGES),
            "",
            f"AUROC of text probes on {n} audited test images (purpose `test`, seed 11, artefacts at natural "
            "rates); tight crops are of 150 images of test seed 1:",
            "",
            "| concept | its own flag | strongest other flag | tight crops with and without |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
            "Printed by `python -m auditlens.testbed.evaluate foundation DIR` with this card's folder.",
            "",
        ]
    )
