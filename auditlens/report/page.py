"""The report as one HTML text, for the browser or for the PDF, rendered from the record and its pictures."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup

from auditlens.report import bars, released, wording
from auditlens.report.ablation import ablation_views, agreement_sentence
from auditlens.report.baselines import baseline_views, part_text, value_in
from auditlens.report.beside import exit_text, remarks, standing_text
from auditlens.report.classes import DEFAULT_Z, class_views
from auditlens.report.combinations import combination_name, combination_views
from auditlens.report.doses import dose_views, limit_about
from auditlens.report.effects import artefacts_views
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
from auditlens.report.separability import separability_views
from auditlens.report.sets import overlap_sentences, set_name, set_sentence
from auditlens.report.settings import section, setting
from auditlens.report.subgroups import subgroup_views
from auditlens.report.titles import artefact_labels, gate_title
from auditlens.report.transplant import mask_sentence
from auditlens.report.unexpected import unexpected_view
from auditlens.spec.paths import share_folder
from auditlens.stages.record import AuditRecord
from auditlens.stages.response import SMALLEST_RESPONSE
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
DEFAULT_OBSERVABILITY = 0.7


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
        "z_threshold": setting(record, "examine", "z_threshold", DEFAULT_Z),
        "gaps": gaps(record),
        "measured": [row for row in record.findings.concepts if is_measured(row)],
        "unseen": unseen(record.findings.concepts),
        "observability_limit": setting(record, "examine", "observability_limit", DEFAULT_OBSERVABILITY),
        "record_sha256": hashlib.sha256(record.to_json().encode()).hexdigest(),
    }
    return shared_environment().get_template("report.html.j2").render(context | more)


def render_page_one(run_dir: Path, record: AuditRecord, n_gates: int) -> str:
    """Render page one alone, to see whether it fits the paper."""
    context = page_one_context(run_dir, record, "pdf", n_gates)
    return shared_environment().get_template("one.html.j2").render(context)


def page_one_context(run_dir: Path, record: AuditRecord, target: Target, n_gates: int) -> dict[str, Any]:
    """Collect what page one needs."""
    environment = shared_environment()
    pictures = Pictures(run_dir, record.images)
    return {
        "record": record,
        "plan": record.plan,
        "findings": record.findings,
        "verdict": record.verdict,
        "audit": section(record, "audit"),
        "prepared_by": section(record, "report").get("prepared_by", ""),
        "target": target,
        "one": page_one(record, n_gates),
        "picture": pictures.uri,
        "sham_ahead": partial(sham_ahead, record),
        "title_of": partial(gate_title, labels=artefact_labels(record)),
        "css": Markup(environment.get_template("report.css").render(target=target, font=font_uri)),
    }


@cache
def shared_environment() -> SandboxedEnvironment:
    """Give the environment of all pages, which keeps the compiled templates."""
    return make_environment()


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
