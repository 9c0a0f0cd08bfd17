"""Pruning: components of an audited model silenced, written as a model with its spec, audited again and compared."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from auditlens.api import audit
from auditlens.correct.earlier import EarlierRun, read_run
from auditlens.errors import InputError, ModelError
from auditlens.findings.pruning import (
    Choice,
    named_choices,
    pruning_warnings,
    responding_choices,
    spurious_choices,
)
from auditlens.gather.pruning import (
    Cut,
    cut,
    keeps_weights_in_folder,
    largest_gap,
    load_audited,
    tried_inputs,
    weights_bytes,
)
from auditlens.report.comparison import compare
from auditlens.report.pruning import CARD, SPEC, WEIGHTS, card_text, gate_table, header, pruned_spec
from auditlens.spec.load import LoadedSpec, load_spec
from auditlens.spec.sets import kept_variables
from auditlens.spec.user_code import CodePolicy, check_code
from auditlens.stages.progress import Progress, Silent
from auditlens.stages.pruning import Pruned, SilencedComponent
from auditlens.stages.record import AuditRecord
from auditlens.stages.states import ComponentState
from auditlens.stages.verdict import DEFAULT_POLICY, Policy
from auditlens.steps.machine import best_device, use_threads
from auditlens.store import Store
from auditlens.store.atomic import write_bytes_atomically
from auditlens.store.folders import file_sha256
from auditlens.subject import Subject, load_subject
from auditlens.subject.folding import TOLERANCE

AUDIT: Final = "pruned"
"""Run folder of the new audit, beside the model."""


@dataclass(frozen=True, slots=True)
class Pruning:
    """What pruning made.

    Attributes
    ----------
    folder : Path
        With `pruned.yaml`, `pruned.card.md` and, as a rule, `pruned.safetensors`; `compare.html` with the new audit.
    pruned : Pruned
        What was silenced and how far the written model is the one that was meant.
    before : AuditRecord
        Of the run.
    after : AuditRecord or None
        Of the pruned model, whose run folder is `folder / "pruned"`; None where it was not audited.
    """

    folder: Path
    pruned: Pruned
    before: AuditRecord
    after: AuditRecord | None

    @property
    def spec(self) -> Path:
        """The spec of the pruned model."""
        return self.folder / SPEC


def prune(
    run: str | Path,
    *,
    components: Iterable[str] = (),
    spurious: str | None = None,
    responding: str | None = None,
    states: Collection[ComponentState | str] = (ComponentState.SPURIOUS,),
    layer: str | None = None,
    spec: str | Path | None = None,
    variables: Mapping[str, str] | None = None,
    out: str | Path | None = None,
    audit_again: bool = True,
    device: str = "auto",
    store: str | Path | None = None,
    progress: Progress | None = None,
    reports: bool = True,
    allow_code: bool = False,
    allow_modules: Iterable[str] = (),
    policy: Policy = DEFAULT_POLICY,
) -> Pruning:
    """Silence components of an audited model, write it with its spec and card, and audit it again (paper, 4.3.3).

    Parameters
    ----------
    run : path
        Run folder of the audit.
    components : iterable of str
        Components as the report writes them: `layer4.1:3`, `layer4.1:7-`. One of these, `spurious` and `responding`.
    spurious : str, optional
        Class for which the record calls components spurious.
    responding : str, optional
        Artefact to which components respond beyond its sham, with its label or without.
    states : collection of {"spurious", "both"}
        States that count for `spurious`.
    layer : str, optional
        Layer for `spurious` and `responding`; the last examined one by default.
    spec : path, optional
        Instead of the spec that `run.json` names.
    variables : mapping, optional
        Values of `${var:NAME}`, besides those of the run.
    out : path, optional
        Folder of the pruned model; `<run>-pruned` by default.
    audit_again : bool
        Whether the pruned model is audited, into `out / "pruned"`, with the run's batch size and threads.
    device, store, progress, reports, allow_code, allow_modules, policy
        As for `audit`.

    Returns
    -------
    Pruning

    Raises
    ------
    AuditLensError
        No record, no such component or class, a spec or weights that have changed since the run, or a written model
        that is not the one that was meant.
    """
    folder = folder_for(Path(run), Path(out) if out is not None else None)
    earlier = read_run(Path(run), Path(spec) if spec is not None else None, variables)
    code = CodePolicy.of(allow_code, allow_modules)
    check_code(earlier.loaded, code)
    choices = chosen(earlier.record, tuple(components), spurious, responding, states, layer)
    told = progress if progress is not None else Silent()
    pruned = _write(earlier, choices, folder, best_device(device), Store(Path(store) if store else None), told)
    after = _audit(earlier, folder, device, store, told, reports, code, policy) if audit_again else None
    if after is not None:
        _write_text(folder / CARD, card_text(pruned, gate_table(earlier.record, after)))
        compare([run, folder / AUDIT], names=["before", "after"], out=folder)
    return Pruning(folder, pruned, earlier.record, after)


def chosen(
    record: AuditRecord,
    components: Sequence[str],
    spurious: str | None = None,
    responding: str | None = None,
    states: Collection[ComponentState | str] = (ComponentState.SPURIOUS,),
    layer: str | None = None,
) -> tuple[Choice, ...]:
    """Find what is to be silenced; see `prune`."""
    if sum((bool(components), spurious is not None, responding is not None)) != 1:
        raise InputError(
            "name components, a class whose spurious components are meant, or an artefact that components respond to: "
            "one of the three"
        )
    if spurious is not None:
        return spurious_choices(record, spurious, [ComponentState(state) for state in states], layer)
    return named_choices(record, components) if responding is None else responding_choices(record, responding, layer)


def folder_for(run: Path, out: Path | None) -> Path:
    """Find the folder of the pruned model.

    Raises
    ------
    InputError
        It is a file, the run itself, or a folder with other things in it.
    """
    folder = (out if out is not None else run.absolute().with_name(f"{run.absolute().name}-pruned")).absolute()
    if folder.resolve() == run.resolve():
        raise InputError("the pruned model needs a folder of its own, not that of the run")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a folder")
    if (
        folder.is_dir()
        and any(folder.iterdir())
        and not any((folder / name).is_file() for name in (WEIGHTS, SPEC, CARD))
    ):
        raise InputError(f"{folder} is not empty and holds no pruned model", hint="name a new or empty folder")
    return folder


def _write(
    earlier: EarlierRun, choices: Sequence[Choice], folder: Path, device: str, store: Store, progress: Progress
) -> Pruned:
    """Silence, write weights, spec and card, and compare what was written with what was meant."""
    progress.stage("Silencing components", None)
    plan, loaded = earlier.record.plan, earlier.loaded
    use_threads(plan.n_threads)
    subject = load_audited(loaded, device, plan.model)
    made = cut(subject, choices, tried_inputs(loaded, subject, store, plan.data.sets.audited))
    names = (*subject.silenced, *(choice.id for choice in choices if choice.id not in subject.silenced))
    sha256 = None if keeps_weights_in_folder(loaded.spec.model) else _write_weights(subject, folder)
    text = pruned_spec(loaded, folder, names, sha256)
    _write_text(folder / SPEC, text)
    gap = _written_gap(load_spec(folder / SPEC, earlier.variables, data=plan.data.sets.audited), made, device)
    pruned = _described(earlier, choices, made, sha256, gap)
    _write_text(folder / SPEC, header(pruned, kept_variables(loaded.spec, earlier.variables)) + text)
    _write_text(folder / CARD, card_text(pruned))
    progress.done(f"largest difference of a logit {gap:.1g}")
    return pruned


def _write_weights(subject: Subject, folder: Path) -> str:
    return file_sha256(write_bytes_atomically(folder / WEIGHTS, weights_bytes(subject)))


def _write_text(path: Path, text: str) -> None:
    write_bytes_atomically(path, text.encode("utf-8"))


def _written_gap(loaded: LoadedSpec, made: Cut, device: str) -> float:
    """Load what was written as an audit does, and compare it with the model whose components are set to zero.

    Raises
    ------
    ModelError
        They are not the same.
    """
    gap = largest_gap(load_subject(loaded.spec.model, loaded.base, device), made.inputs, made.expected)
    limit = TOLERANCE * max(1.0, float(made.expected.abs().max()))
    if not gap <= limit:
        raise ModelError(
            f"the pruned model that {loaded.path} describes is not the audited one with its components set to zero: a "
            f"logit differs by {gap:.2g}, and {limit:.1g} is tolerated",
            hint="does the model give the same logits twice?",
        )
    return gap


def _described(earlier: EarlierRun, choices: Sequence[Choice], made: Cut, sha256: str | None, gap: float) -> Pruned:
    record = earlier.record
    return Pruned(
        audit_id=earlier.loaded.spec.audit.id,
        record_sha256=earlier.record_sha256,
        components=tuple(
            SilencedComponent(
                id=choice.id,
                layer=choice.layer,
                index=choice.index,
                by="weights" if choice.layer in made.folded else "hook",
                judged=choice.judged,
            )
            for choice in choices
        ),
        inherited=made.subject.silenced,
        original_sha256=record.plan.model.weights_sha256,
        weights_sha256=sha256,
        n_images=len(made.inputs),
        gap=gap,
        file_gap=made.file_gap,
        moved=float((made.expected - made.plain).abs().max()),
        warnings=(*earlier.warnings, *pruning_warnings(record, earlier.loaded.spec, choices)),
    )


def _audit(
    earlier: EarlierRun,
    folder: Path,
    device: str,
    store: str | Path | None,
    progress: Progress,
    reports: bool,
    code: CodePolicy,
    policy: Policy,
) -> AuditRecord:
    plan = earlier.record.plan
    return audit(
        folder / SPEC,
        out=folder / AUDIT,
        device=device,
        store=store,
        variables=earlier.variables,
        data=plan.data.sets.audited,
        progress=progress,
        batch_size=plan.batch_size,
        threads=plan.n_threads,
        reports=reports,
        allow_code=code.everything,
        allow_modules=code.modules,
        policy=policy,
    )
