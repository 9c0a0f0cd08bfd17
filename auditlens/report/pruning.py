"""The card of a pruned model, the spec that audits it, and its gates before and after."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from auditlens.report.markdown import cell
from auditlens.report.wording import estimate_text, plural
from auditlens.spec.load import LoadedSpec
from auditlens.stages.pruning import Judged, Pruned, SilencedComponent
from auditlens.stages.record import AuditRecord
from auditlens.stages.verdict import GateResult

WEIGHTS, CARD, SPEC, LOCK = "pruned.safetensors", "pruned.card.md", "pruned.yaml", "pruned.lock"
"""Files of a pruned model."""
HARDLY_HELPED = (
    "Pruning alone hardly helped in the paper: with 40 of 512 components pruned, a melanoma classifier became only "
    "slightly less sensitive to artefacts, and its accuracy on other images still fell by over 20 % with red skin; "
    "retraining on augmented data helped (Dreyer et al. 2025, 4.3.3). Components of earlier layers, and components "
    "without a label, may carry the same artefact: trust the gates of the new audit, not the labels."
)


def pruned_spec(loaded: LoadedSpec, folder: Path, silenced: Sequence[str], weights_sha256: str | None) -> str:
    """Write the spec of a pruned model: the audited one's, with other weights and silenced components.

    Parameters
    ----------
    loaded : LoadedSpec
        The spec of the run.
    folder : Path
        Where the spec will stand, beside `pruned.safetensors`.
    silenced : sequence of str
        Every component that gives zero, by name.
    weights_sha256 : str, optional
        Of `pruned.safetensors`; None where the weights stay where they are.
    """
    spec = loaded.spec
    model: dict[str, Any] = {"silenced": list(silenced), "reference_predictions": []}
    if weights_sha256 is not None:
        model = {"weights": WEIGHTS, "sha256": weights_sha256, **model}
    if spec.model.released is not None:
        model["released"] = None
    document: dict[str, Any] = {
        "auditlens": 1,
        "include": [included(loaded.path, folder)],
        "audit": {"id": f"{spec.audit.id}-pruned", "title": f"{spec.audit.title}, pruned model"},
        "model": model,
    }
    if spec.waivers:
        document["waivers"] = []
    if spec.protocol is not None and spec.protocol.lock is not None:
        document["protocol"] = {"lock": LOCK}  # the ledger of looks stays that of the images
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def included(spec: Path, folder: Path) -> str:
    """Path by which a spec in a folder includes another: relative, or absolute where links stand in the way."""
    target, start = spec.absolute(), folder.absolute()
    if target.parent.resolve() != target.parent or start.resolve() != start:
        return str(target)
    return Path(os.path.relpath(target, start)).as_posix()


def header(pruned: Pruned, variables: Mapping[str, str]) -> str:
    """Comment at the head of the spec: what it is, and how to run it."""
    given = "".join(f" --var {shlex.quote(f'{name}={value}')}" for name, value in sorted(variables.items()))
    notes = [
        f"Written by `auditlens prune`: the model of {pruned.audit_id} with "
        f"{plural(len(pruned.components), 'component')} silenced; see {CARD}.",
        f"Audit it again with: auditlens run {SPEC}{given}",
        "Reference predictions and waivers were those of the model before, and are left out.",
    ]
    return "".join(f"# {note}\n" for note in notes)


def card_text(pruned: Pruned, gates: str = "") -> str:
    """Write the card of a pruned model as Markdown.

    Parameters
    ----------
    pruned : Pruned
    gates : str
        Its gates before and after as a Markdown table, where it was audited again.
    """
    parts = [
        f"# Pruned model of {cell(pruned.audit_id)}",
        f"Set to zero: {plural(len(pruned.components), 'component')} of the audited model, chosen from the record with "
        f"SHA-256 `{pruned.record_sha256}`.",
        _table(pruned.components),
        "## How it was done",
        "\n".join(f"- {line}" for line in _done(pruned)),
        "## What to know",
        "\n".join(f"- {line}" for line in (*pruned.warnings, HARDLY_HELPED)),
    ]
    if gates:
        parts += ["## Gates before and after", gates]
    return "\n\n".join(parts) + "\n"


def _table(components: Sequence[SilencedComponent]) -> str:
    names = ("component", "class", "state", "label", "share of relevance", "pushes", "silenced by")
    head = f"| {' | '.join(names)} |", f"|{' --- |' * len(names)}"
    return "\n".join([*head, *(row for component in components for row in _rows(component))])


def _rows(component: SilencedComponent) -> list[str]:
    by = "its weights" if component.by == "weights" else "a hook"
    if not component.judged:
        return [f"| {component.id} | | not examined in the record | | | | {by} |"]
    return [f"| {component.id} | {_judged(row)} | {by} |" for row in component.judged]


def _judged(row: Judged) -> str:
    towards = "towards" if row.direction > 0 else "away from" if row.direction < 0 else "neither way"
    relevance = estimate_text(row.relevance, "percent")
    return f"{cell(row.class_name)} | {row.state.value} | {cell(row.label or 'none')} | {relevance} | {towards}"


def _done(pruned: Pruned) -> list[str]:
    """Say how the components were silenced and what was measured."""
    lines = [
        *_ways(pruned),
        f"The model that `{SPEC}` describes was loaded, and compared with the audited model whose components are set "
        f"to zero, on {plural(pruned.n_images, 'image')} of the audited data: largest difference of a logit "
        f"{pruned.gap:.1g}.",
    ]
    if pruned.file_gap is not None:
        lines.append(f"The weights file alone, without hooks: {pruned.file_gap:.1g}.")
    lines.append(f"Pruning moved a logit by up to {pruned.moved:.3g} on these images.")
    if pruned.inherited:
        lines.append(f"Silenced before already, and still: {', '.join(pruned.inherited)}.")
    return [*lines, *_hashes(pruned)]


def _ways(pruned: Pruned) -> list[str]:
    n_folded = sum(row.by == "weights" for row in pruned.components)
    n_hooked = len(pruned.components) - n_folded
    lines = []
    if n_folded:
        lines.append(f"By weights: {n_folded}. The weights that make them are zero in `{WEIGHTS}`.")
    if n_hooked:
        lines.append(
            f"By hooks: {n_hooked}. No weights make them alone (behind a sum of two paths, or one side of a channel): "
            f"`model.silenced` of `{SPEC}` sets them to zero; a weights file alone does not."
        )
    return lines


def _hashes(pruned: Pruned) -> list[str]:
    before = pruned.original_sha256 or "no weights file"
    after = pruned.weights_sha256 or "unchanged, in their own folder"
    return [f"Weights before: `{before}`", f"Weights after (`{WEIGHTS}`): `{after}`"]


def gate_changes(before: AuditRecord, after: AuditRecord) -> tuple[tuple[str, str, str], ...]:
    """Gates with their outcome in both records; a gate that one lacks has an empty place."""
    here, there = ({result.gate.id: _outcome(result) for result in record.verdict.gates} for record in (before, after))
    return tuple((name, here.get(name, ""), there.get(name, "")) for name in dict.fromkeys((*here, *there)))


def _outcome(result: GateResult) -> str:
    state = "fails, accepted" if result.waived else result.state.value
    if result.estimate is None or result.estimate.value is None:
        return state
    return f"{state} ({result.estimate.value:.3g})"


def gate_table(before: AuditRecord, after: AuditRecord) -> str:
    """Write the gates of two records side by side as a Markdown table."""
    rows = [f"| {cell(name)} | {here} | {there} |" for name, here, there in gate_changes(before, after)]
    return "\n".join(["| gate | before | after |", "| --- | --- | --- |", *rows])
