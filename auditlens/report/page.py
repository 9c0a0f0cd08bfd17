"""The report as one HTML text, for the browser or for the PDF, rendered from the record and its pictures."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup

from auditlens.report import bars, released, wording
from auditlens.report.ablation import ablation_views, agreement_sentence
from auditlens.report.baselines import baseline_views, part_text, value_in
from auditlens.report.beside import exit_text, remarks, standing_text
from auditlens.report.combinations import combination_name, combination_views
from auditlens.report.doses import dose_views, limit_about
from auditlens.report.erasure import erasure_sentence, left_out
from auditlens.report.gaps import gaps, is_measured, unseen
from auditlens.report.images_first import images_first
from auditlens.report.layers import layers_view
from auditlens.report.mediation import mediation_views
from auditlens.report.opinions import opinion_views
from auditlens.report.page_one import MAX_GATES, page_one, sham_ahead
from auditlens.report.pictures import Pictures
from auditlens.report.prevalence import prevalences_of
from auditlens.report.removal import removal_left_out
from auditlens.report.response import response_views
from auditlens.report.scatter import scatter_svg
from auditlens.report.separability import separability_views
from auditlens.report.sets import overlap_sentences, set_name, set_sentence
from auditlens.report.subgroups import subgroup_views
from auditlens.report.titles import artefact_labels, gate_title
from auditlens.report.transplant import mask_sentence
from auditlens.report.unexpected import unexpected_view
from auditlens.spec.paths import share_folder
from auditlens.stages.findings import Alignment, ArtefactFinding, ClassFinding, ComponentFinding, Estimate
from auditlens.stages.record import AuditRecord
from auditlens.stages.response import SMALLEST_RESPONSE
from auditlens.stages.states import ComponentState
from auditlens.verdict.sentences import named

Target = Literal["html", "pdf"]
FONTS = {
    "regular": "Inter-Regular",
    "semibold": "Inter-SemiBold",
    "italic": "Inter-Italic",
    "mono": "JetBrainsMono-Regular",
}
FUNCTIONS: tuple[Callable[..., object], ...] = (
    wording.breakable,
    named,
    wording.capitalise,
    wording.conclusion_text,
    wording.confidence_text,
    wording.count_text,
    wording.digits,
    wording.interval,
    wording.is_accepted,
    wording.kind_of,
    wording.limit_text,
    wording.minus,
    wording.number,
    wording.outcome_word,
    wording.plain,
    wording.plural,
    set_name,
    set_sentence,
    overlap_sentences,
    wording.quantity_text,
    wording.sham_did_more,
    wording.sham_moved_more,
    wording.short_hash,
    wording.typeset,
    released.files_text,
    released.gap_text,
    released.model_text,
    released.twin_text,
    agreement_sentence,
    erasure_sentence,
    exit_text,
    remarks,
    standing_text,
    left_out,
    prevalences_of,
    mask_sentence,
    limit_about,
    combination_name,
    removal_left_out,
    part_text,
    value_in,
    bars.auroc_bar,
    bars.change_scale,
    bars.colour_of,
    bars.effect_bars,
    bars.effects_scale,
    bars.gate_bar,
    bars.mark,
    bars.separability_bar,
    bars.share_bar,
)
"""What templates may call, by its own name."""
SMALL_SHARE = 0.005
"""Labels below this share of relevance are summed up in one row."""
DEFAULT_Z, DEFAULT_OBSERVABILITY, DEFAULT_SHOWN = 3.0, 0.7, 12
FOREST_WIDTH = 212


@dataclass(frozen=True, slots=True)
class LabelShare:
    """What one label carries, over all components of the layer."""

    name: str
    n_components: int
    share: Estimate


@dataclass(frozen=True, slots=True)
class ClassView:
    """What the report shows of one class."""

    finding: ClassFinding
    shown: tuple[ComponentFinding, ...]
    """With their crops."""
    repeated: tuple[ComponentFinding, ...]
    """Components whose crops stand at an earlier class."""
    n_hidden: int
    scatter: Markup | None
    n_drawn: int
    stacked: Markup
    states: tuple[tuple[ComponentState, Estimate], ...]
    """Shares of relevance in the order of the bar."""
    n_by_state: dict[str, int]
    """Components judged by crops, by state."""
    labels: tuple[LabelShare, ...]
    n_small_labels: int
    """Labels whose shares are too small for a row of their own."""
    small_labels_share: float
    top_share: float

    @staticmethod
    def label_alignment(row: ComponentFinding) -> list[tuple[str, Alignment]]:
        """Give the alignment behind a component's label, where the two best concepts do not show it already."""
        shown = {best.concept for best in (row.best_valid, row.best_spurious) if best}
        return [("Its label", best) for best in row.alignments if best.concept == row.label and row.label not in shown]


@dataclass(frozen=True, slots=True)
class ArtefactsView:
    """What the report shows of the artefacts put in for one class, on one scale."""

    class_name: str
    artefacts: tuple[ArtefactFinding, ...]
    axis: bars.Axis


def render_page(run_dir: Path, record: AuditRecord, target: Target, n_gates: int = MAX_GATES) -> str:
    """Render the whole report; both targets have the same content, only page furniture differs.

    Parameters
    ----------
    run_dir : Path
    record : AuditRecord
    target : {"html", "pdf"}
    n_gates : int
        How many gates page one shows.
    """
    context = page_one_context(run_dir, record, target, n_gates)
    more = {
        "classes": class_views(record),
        "unexplained": unexpected_view(record.findings),
        "layers": layers_view(record.findings),
        "first": images_first(record),
        "classes_of_artefacts": artefacts_views(record),
        "against": baseline_views(record),
        "ablated": ablation_views(record),
        "responded": response_views(record),
        "subgroups": subgroup_views(record),
        "labels": artefact_labels(record),
        "dosed": dose_views(record),
        "combined": combination_views(record),
        "separated": separability_views(record),
        "smallest_response": SMALLEST_RESPONSE,
        "mediated": mediation_views(record),
        "opinions": opinion_views(record),
        "z_threshold": _setting(record, "examine", "z_threshold", DEFAULT_Z),
        "gaps": gaps(record),
        "measured": [row for row in record.findings.concepts if is_measured(row)],
        "unseen": unseen(record.findings.concepts),
        "observability_limit": _setting(record, "examine", "observability_limit", DEFAULT_OBSERVABILITY),
        "record_sha256": hashlib.sha256(record.to_json().encode()).hexdigest(),
    }
    return make_environment().get_template("report.html.j2").render(context | more)


def render_page_one(run_dir: Path, record: AuditRecord, n_gates: int) -> str:
    """Render page one alone, to see whether it fits the paper."""
    context = page_one_context(run_dir, record, "pdf", n_gates)
    return make_environment().get_template("one.html.j2").render(context)


def page_one_context(run_dir: Path, record: AuditRecord, target: Target, n_gates: int) -> dict[str, Any]:
    """Collect what page one needs."""
    environment = make_environment()
    pictures = Pictures(run_dir, record.images)
    return {
        "record": record,
        "plan": record.plan,
        "findings": record.findings,
        "verdict": record.verdict,
        "audit": _section(record, "audit"),
        "prepared_by": _section(record, "report").get("prepared_by", ""),
        "target": target,
        "one": page_one(record, n_gates),
        "picture": pictures.uri,
        "sham_ahead": partial(sham_ahead, record),
        "title_of": partial(gate_title, labels=artefact_labels(record)),
        "css": Markup(environment.get_template("report.css").render(target=target, font=font_uri)),
    }


def make_environment() -> SandboxedEnvironment:
    """Set up Jinja: sandboxed, everything escaped, unknown names are errors."""
    environment = SandboxedEnvironment(
        loader=FileSystemLoader(share_folder("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {function.__name__: function for function in FUNCTIONS}
    return environment


def font_uri(name: str) -> str:
    """Give a font of the templates as a data URI."""
    raw = (share_folder("templates") / "fonts" / f"{FONTS[name]}.woff2").read_bytes()
    return "data:font/woff2;base64," + base64.b64encode(raw).decode("ascii")


def class_views(record: AuditRecord) -> tuple[ClassView, ...]:
    """Collect what the report shows per class."""
    views: list[ClassView] = []
    for finding in record.findings.classes:
        pictured = {row.id for view in views for row in view.shown}
        views.append(class_view(record, finding, pictured, f"scatter{len(views)}-"))
    return tuple(views)


def class_view(record: AuditRecord, finding: ClassFinding, pictured: set[str], prefix: str) -> ClassView:
    """Collect what the report shows of one class: the most relevant components first."""
    own = [row for row in record.findings.components if row.class_name == finding.class_name]
    own = [row for row in own if row.layer == finding.layer or not finding.layer]
    own.sort(key=lambda row: (-(row.relevance.value or 0.0), row.id))
    looked_at = [row for row in own if row.state is not ComponentState.IRRELEVANT]
    n_shown = int(_setting(record, "report", "n_components", DEFAULT_SHOWN))
    threshold = float(_setting(record, "examine", "z_threshold", DEFAULT_Z))
    drawn = [row for row in looked_at if row.best_valid or row.best_spurious]
    labels = label_shares(finding)
    small = [row.share.value or 0.0 for row in labels if (row.share.value or 0.0) < SMALL_SHARE]
    return ClassView(
        finding=finding,
        shown=tuple(row for row in looked_at[:n_shown] if row.id not in pictured),
        repeated=tuple(row for row in looked_at[:n_shown] if row.id in pictured),
        n_hidden=max(len(looked_at) - n_shown, 0),
        scatter=scatter_svg(drawn, threshold, prefix) if drawn else None,
        n_drawn=len(drawn),
        stacked=bars.stacked_bar(share_segments(finding)),
        states=tuple(sorted(finding.share_by_state.items(), key=lambda row: list(ComponentState).index(row[0]))),
        n_by_state={state.value: sum(row.state is state for row in own) for state in ComponentState},
        labels=labels[: len(labels) - len(small)],
        n_small_labels=len(small),
        small_labels_share=sum(small),
        top_share=max([0.05, *(row.high or row.value or 0.0 for row in finding.share_by_state.values())]),
    )


def label_shares(finding: ClassFinding) -> tuple[LabelShare, ...]:
    """Collect share and number of components of each label, the largest share first."""
    rows = [
        LabelShare(name, finding.components_by_concept.get(name, 0), share)
        for name, share in finding.share_by_concept.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-(row.share.value or 0.0), row.name)))


def artefacts_views(record: AuditRecord) -> tuple[ArtefactsView, ...]:
    """Group the artefact findings by class, in the order of the findings."""
    names = dict.fromkeys(row.class_name for row in record.findings.artefacts)
    views = []
    for name in names:
        rows = tuple(row for row in record.findings.artefacts if row.class_name == name)
        axis = bars.effects_axis([estimate for row in rows for estimate in effect_estimates(row)], FOREST_WIDTH)
        views.append(ArtefactsView(name, rows, axis))
    return tuple(views)


def effect_estimates(finding: ArtefactFinding) -> list[Estimate | None]:
    """All estimates on the probability scale."""
    rows = [effect for effect in finding.effects if effect.scale == "probability"]
    return [estimate for row in rows for estimate in (row.raw, row.sham, row.beyond)]


def share_segments(finding: ClassFinding) -> list[tuple[str, float, str]]:
    """Shares of relevance by state; a rest, where they do not add up to one, is of components that got no state.

    `unexamined_share` (judged by whole images only) is a part of these shares, so it is no segment.
    """
    shares = {state: estimate.value or 0.0 for state, estimate in finding.share_by_state.items()}
    ordered = [state for state in ComponentState if shares.get(state, 0.0) > 0]
    segments = [(state.value, shares[state], bars.colour_of(state)) for state in ordered]
    rest = 1.0 - sum(share for _, share, _ in segments)
    return [*segments, ("no state", rest, "#dfe4e9")] if rest > 0.005 else segments


def _section(record: AuditRecord, name: str) -> dict[str, Any]:
    found = record.spec.get(name)
    return found if isinstance(found, dict) else {}


def _setting(record: AuditRecord, section: str, name: str, default: float) -> float:
    """Read a setting of the spec, whose defaults are filled in; `default` only where the record has no such section."""
    return float(_section(record, section).get(name, default))
