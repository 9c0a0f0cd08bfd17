"""The rooms wired together: a spec in, a record with its reports out."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import torch

from auditlens.baselines import comparands, given_baselines, read_all
from auditlens.data.subgroups import partitions
from auditlens.data.verification import verify_images
from auditlens.errors import AuditLensError
from auditlens.examine.attribution.attributor import Attributor
from auditlens.findings.against import Against, Comparand
from auditlens.findings.answers import answers_of
from auditlens.findings.decision import OperatingPoint
from auditlens.findings.differences import Bootstrap
from auditlens.findings.judge import judge
from auditlens.gather.answers import picture_digests
from auditlens.gather.context import Context, FurtherImages
from auditlens.gather.embeddings import By, keep_embeddings, runs_similarity
from auditlens.gather.environment import environment
from auditlens.gather.equivalence import planned_released, settle
from auditlens.gather.evidence import Gathered, gather, planned_crops
from auditlens.gather.memory import keep_freed_memory, peak_memory
from auditlens.gather.pictures import with_pictures
from auditlens.gather.regions import with_regions
from auditlens.gather.released import Models, attribution, load_models, outside_alone
from auditlens.gather.resolve import (
    demand_columns,
    flagged_values,
    methods,
    planned_data,
    planned_foundation,
    planned_model,
    planned_opinions,
)
from auditlens.gather.separability import spurious_folders
from auditlens.gather.sets import FoundSets, find_sets
from auditlens.gather.strata import found_strata
from auditlens.gather.traces import keep_trace
from auditlens.gather.transplants import with_transplants
from auditlens.gather.trials import artefact_sources
from auditlens.gather.user_code import code_that_runs
from auditlens.plan.baselines import CHANGE
from auditlens.plan.build import audited_classes, build_plan
from auditlens.plan.gates import demand_layers
from auditlens.plan.selection import Chosen, Selection, choose
from auditlens.preview.costs import measured_rates
from auditlens.preview.hashes import without_hashes
from auditlens.preview.run import foreseen_context, planned_run
from auditlens.protocol.looks import add_look, identity_of
from auditlens.protocol.state import protocol_state
from auditlens.report.answers import keep_answers
from auditlens.report.places import folder_in_repository
from auditlens.report.reading import read_record
from auditlens.report.write import write_all, write_manifest
from auditlens.semantics.foundation import load_foundation
from auditlens.spec.baseline_rules import record_file
from auditlens.spec.load import LoadedSpec, load_spec, merged_document
from auditlens.spec.model import AuditSpec
from auditlens.spec.sets import kept_variables
from auditlens.spec.user_code import CodePolicy, check_code
from auditlens.stages.labelling import SetSimilarity
from auditlens.stages.plan import AuditPlan, PlannedModel
from auditlens.stages.planned_run import PlannedRun
from auditlens.stages.progress import Progress, Silent
from auditlens.stages.record import AuditRecord
from auditlens.stages.verdict import DEFAULT_POLICY, Policy
from auditlens.store import Store
from auditlens.store.rates import keep_rates
from auditlens.store.run_folder import RunFolder
from auditlens.subject import check_references
from auditlens.verdict import decide

BATCH_SIZE = 32
MOST_THREADS = 8


def audit(
    spec: str | Path,
    *,
    out: str | Path | None = None,
    device: str = "auto",
    store: str | Path | None = None,
    variables: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    batch_size: int | None = None,
    threads: int | None = None,
    reports: bool = True,
    allow_code: bool = False,
    allow_modules: Iterable[str] = (),
    baselines: Mapping[str, str | Path] | None = None,
    today: date | None = None,
    select: Sequence[str] = (),
    exclude: Sequence[str] = (),
    tier: str | None = None,
    data: str | None = None,
    policy: Policy = DEFAULT_POLICY,
) -> AuditRecord:
    """Run an audit.

    Parameters
    ----------
    spec : path
        The YAML spec.
    out : path, optional
        Run folder; `reports/<audit id>-<spec hash>/` by default, with tier, set and a hash of the selection, if any.
    device : {"auto", "cpu", "cuda"}
        `auto` takes cuda where there is one.
    store : path, optional
        Folder of the stored results (`$AUDITLENS_STORE`, else the user's cache, by default).
    variables : mapping, optional
        Values of `${var:NAME}` in the spec.
    progress : Progress, optional
        Told of every stage.
    batch_size, threads : int, optional
        Both are part of the plan: equal values give equal bytes.
    reports : bool
        False writes only `record.json` and the pictures.
    allow_code : bool
        Whether Python functions that the spec names, and pickled code in a released file, may run.
    allow_modules : iterable of str
        Instead: modules and packages whose functions may run.
    baselines : mapping of str to path, optional
        Earlier run folders, or their records, by name; they go before the paths of the spec's `baselines`.
    today : date, optional
        Day on which waivers are judged, for tests and for a look ahead; the machine's by default.
    select, exclude : sequence of str
        `KEY=VALUE[,VALUE]`: only some of the gates, by class, artefact, gate or tag, and what they require.
    tier : str, optional
        A tier of the spec.
    data : str, optional
        Which of `data.sets` to audit; the tier's, else the sealed one, else the only one for development.
    policy : Policy
        What counts for the exit code; stands in the verdict.

    Returns
    -------
    AuditRecord
        `record.verdict`, `record.findings`, `record.components` (a pandas frame).

    Raises
    ------
    AuditLensError
        Whatever the user can put right; finished work stays in the store.
    """
    whole = load_spec(Path(spec), dict(variables or {}))
    check_code(whole, CodePolicy.of(allow_code, allow_modules))
    chosen = choose(whole, Selection.parse(select, exclude), tier, data)
    loaded = chosen.loaded
    folder = Path(out) if out is not None else default_out(loaded, chosen.suffix)
    RunFolder.check(folder)
    earlier = read_all(given_baselines(loaded, baselines or {}), folder)
    begun = time.monotonic()
    use_threads(threads)
    keep_freed_memory()
    told = progress if progress is not None else Silent()
    kept = Store(Path(store) if store else None)
    context = _load(chosen, best_device(device), kept, told, batch_size or BATCH_SIZE)
    sources = artefact_sources(context)
    references = check_references(
        context.behaving, context.spec.model, loaded.base, context.index.root, context.spec.data.window
    )
    context = context if chosen.reads_inside else outside_alone(context)
    context, equivalence = settle(context)
    context, transplanted = with_transplants(with_regions(context))
    released = planned_released(context, equivalence)
    attributor, why = attribution(context)
    model = planned_model(context.spec, context.subject, *references, released)
    plan = _plan(chosen, context, model, attributor, why)
    gathered = gather(context, plan, attributor, sources, transplanted)
    keep_trace(context, plan.selection)
    settings: dict[str, Any] = {"device": device, "store": store, "batch_size": batch_size, "threads": threads}
    again = partial(
        audit, **settings, progress=told, reports=False, allow_code=allow_code, allow_modules=tuple(allow_modules)
    )
    opened = RunFolder(folder)
    others = comparands(earlier, chosen, plan, opened, again, told)
    record = _judge(chosen, plan, context, gathered, others, opened, today or date.today(), policy)
    look = _take_look(whole, record)  # before anybody sees a report
    told_run = (folder, loaded, dict(variables or {}), context)
    _write_run(*told_run, time.monotonic() - begun, look)  # the writers need its places
    _write(record, folder, reports, told)
    seconds = time.monotonic() - begun
    keep_rates(context.store.root, measured_rates(context, seconds, peak_memory()))
    _write_run(*told_run, seconds, look)
    return record


def plan(
    spec: str | Path,
    *,
    device: str = "auto",
    store: str | Path | None = None,
    variables: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    batch_size: int | None = None,
    threads: int | None = None,
    allow_code: bool = False,
    allow_modules: Iterable[str] = (),
    select: Sequence[str] = (),
    exclude: Sequence[str] = (),
    tier: str | None = None,
    data: str | None = None,
    compare_hashes: bool = True,
) -> PlannedRun:
    """Say what a run would do, on what, at which cost, and what its gates can decide; no image goes through a model.

    Parameters
    ----------
    spec, device, store, variables, progress, batch_size, threads, allow_code, allow_modules
        As for `audit`.
    select, exclude, tier, data
        As for `audit`.
    compare_hashes : bool
        False loads files also where their SHA-256 is not the one that the spec gives.

    Returns
    -------
    PlannedRun

    Raises
    ------
    AuditLensError
    """
    whole = load_spec(Path(spec), dict(variables or {}))
    check_code(whole, CodePolicy.of(allow_code, allow_modules))
    declared = whole.spec
    whole = whole if compare_hashes else dataclasses.replace(whole, spec=without_hashes(declared))
    chosen = choose(whole, Selection.parse(select, exclude), tier, data)
    use_threads(threads)
    told = progress if progress is not None else Silent()
    kept = Store(Path(store) if store else None)
    context = _load(chosen, best_device(device), kept, told, batch_size or BATCH_SIZE)
    sources = artefact_sources(context)
    spurious_folders(context)
    context, equivalence = foreseen_context(context if chosen.reads_inside else outside_alone(context))
    attributor, why = attribution(context)
    model = planned_model(context.spec, context.subject, None, 0, planned_released(context, equivalence))
    return planned_run(declared, context, _plan(chosen, context, model, attributor, why), attributor, sources)


def load_record(path: str | Path) -> AuditRecord:
    """Read a record from `record.json` or from its run folder.

    Raises
    ------
    InputError
        There is none, or it is not a record of this version.
    """
    return read_record(record_file(Path(path)))


def set_similarity(
    source: str | Path,
    target: str | Path,
    *,
    layers: tuple[str | None, str | None] = (None, None),
    by: By = "crops",
) -> SetSimilarity:
    """Say how far the concepts of one run's components are found in another's (paper, 3.3, eq. 5).

    The mean, over the source's components, of the highest cosine to a component of the target; -1 to 1, higher: more
    is found. Asymmetric: call it twice. Reads the run folders alone, without the models.

    Parameters
    ----------
    source, target : path
        Run folders of audits with the same foundation model.
    layers : (str or None, str or None)
        Layer of each; None is the last examined one.
    by : {"crops", "whole images"}
        The components looked at, by their crops; or all components, by whole example images.

    Returns
    -------
    SetSimilarity
        `result.similarity` is an `Estimate`; its interval resamples the source's components.

    Raises
    ------
    InputError
        No embeddings in a run folder, no such layer, or different foundation models.
    """
    pairs = [(Path(run), load_record(run)) for run in (source, target)]
    return runs_similarity(pairs[0], pairs[1], layers, by)


def default_out(loaded: LoadedSpec, suffix: str = "") -> Path:
    """Run folder of a spec that names none: `reports/<audit id>-<spec hash>/`; a part of it has a suffix."""
    name = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in loaded.spec.audit.id)
    return Path("reports") / f"{name}-{loaded.sha256[:8]}{suffix}"


def use_threads(threads: int | None) -> None:
    """Set the number of CPU threads; a few by default, since more are not faster."""
    import os

    torch.set_num_threads(threads or min(MOST_THREADS, os.cpu_count() or 1))


def best_device(name: str) -> str:
    """Name of the device to run on; `auto` takes cuda where there is one."""
    if name != "auto":
        return name
    return "cuda" if torch.cuda.is_available() else "cpu"


def _load(chosen: Chosen, device: str, store: Store, progress: Progress, batch_size: int) -> Context:
    loaded = chosen.loaded
    spec, base = loaded.spec, loaded.base
    progress.stage("Loading the model and the images", None)
    models = _load_models(loaded, device)
    subject = models.subject
    audited_classes(spec, subject.classes)  # a class that the model lacks is told before the images are read
    demand_layers(spec, tuple(layer.name for layer in subject.layers), loaded.locate)
    found = find_sets(chosen, subject.classes, store)
    index = found.index
    further = found.seeing[1] if found.seeing is not None else None
    demand_columns(spec, index, further)
    strata = found_strata(spec.data.strata, index, loaded.locate)
    verify_images(index, store)
    if further is not None:
        verify_images(further, store)
    foundation = load_foundation(spec.foundation, base, device) if spec.foundation is not None else None
    progress.done(f"{len(index)} images")
    return Context(
        spec=spec,
        base=base,
        subject=subject,
        index=index,
        samples=index.to_samples(flagged_values(spec, index.columns), partitions(index, strata.by if strata else ())),
        foundation=foundation,
        store=store,
        progress=progress,
        batch_size=batch_size,
        model_key={"subject": subject.digest, "batch": batch_size, "threads": torch.get_num_threads(), "on": device},
        released=models.released,
        no_inside=models.no_inside,
        opinions=tuple(load_foundation(part, base, device) for part in spec.opinions),
        sets=found.planned,
        seeing=_seeing(spec, found),
    )


def _seeing(spec: AuditSpec, found: FoundSets) -> FurtherImages | None:
    """The set that shows what the foundation model sees, where there is one beside the audited images."""
    if found.seeing is None or spec.foundation is None:
        return None
    name, index = found.seeing
    return FurtherImages(name, index, index.to_samples(flagged_values(spec, index.columns)))


def _load_models(loaded: LoadedSpec, device: str) -> Models:
    """Load what the spec's `model` describes; a fault that is known to be one field's is told with its place."""
    try:
        return load_models(loaded.spec.model, loaded.base, device)
    except AuditLensError as error:
        if error.field is not None and error.location is None:
            error.location = loaded.locate(error.field)
        raise


def _plan(chosen: Chosen, context: Context, model: PlannedModel, attributor: Attributor, why: str) -> AuditPlan:
    loaded, subject = chosen.loaded, context.subject
    spec = loaded.spec
    strata = found_strata(spec.data.strata, context.index, loaded.locate)
    data = planned_data(context.index, strata, context.sets)
    whole = dataclasses.replace(loaded, spec=chosen.whole)
    return build_plan(
        spec,
        spec_sha256=loaded.sha256,
        model=model,
        data=data,
        foundation=planned_foundation(spec, context.foundation),
        methods=methods(subject, attributor.name, why, planned_crops(context, attributor), context.index.notes),
        batch_size=context.batch_size,
        n_threads=torch.get_num_threads(),
        device=str(subject.device),
        locate=lambda name: loaded.cite(("change", "must_equal") if name == CHANGE else ("gates", name)),
        opinions=planned_opinions(spec, context.opinions),
        user_code=code_that_runs(loaded),
        tier=chosen.tier,
        selection=chosen.selection,
        protocol=protocol_state(whole, model.identity_sha256, data.sha256, sealed=data.sets.sealed),
    )


def _judge(
    chosen: Chosen,
    plan: AuditPlan,
    context: Context,
    gathered: Gathered,
    others: tuple[Comparand, ...],
    folder: RunFolder,
    today: date,
    policy: Policy,
) -> AuditRecord:
    loaded = chosen.loaded
    context.progress.stage("Judging the evidence", None)
    answers = answers_of(gathered.evidence, plan, picture_digests(context))
    bootstrap = Bootstrap(context.spec.challenge.n_draws, plan.seed)
    against = Against(answers, others, OperatingPoint.of(plan.model).independent, bootstrap)
    findings = judge(context.spec, plan, gathered.evidence, against)
    context.progress.done()
    shown = with_pictures(findings, plan, context, gathered, folder)
    keep_embeddings(folder, gathered.evidence, plan.model, context.spec.examine)
    keep_answers(folder, answers)
    return AuditRecord(
        spec=merged_document(chosen.whole),
        spec_text=loaded.text,
        plan=plan,
        findings=shown,
        verdict=decide(context.spec, plan, shown, today, policy),
        environment=environment(),
        images={name: sha for name, sha in folder.hashes().items() if name.startswith("images/")},
    )


def _take_look(whole: LoadedSpec, record: AuditRecord) -> dict[str, str | int] | None:
    """Write the look at the sealed data into the ledger of the spec, where it keeps one."""
    state = record.plan.protocol.look if record.plan.protocol is not None else None
    if state is None:
        return None
    identity = identity_of(whole, record.plan.model.identity_sha256, record.plan.data.sha256)
    return add_look(whole, state, identity, record.verdict.headline, int(record.verdict.exit_code))


def _write(record: AuditRecord, folder: Path, reports: bool, progress: Progress) -> None:
    progress.stage("Writing the reports", None)
    write_all(folder, record, None if reports else ("record.json",))
    progress.done(str(folder))


def _write_run(
    folder: Path,
    loaded: LoadedSpec,
    variables: Mapping[str, str],
    context: Context,
    seconds: float,
    look: Mapping[str, str | int] | None,
) -> None:
    """Write what differs between equal runs: times, places on this machine, and what the store already had."""
    run = {
        "spec": str(loaded.path.absolute()),
        "spec_folder": folder_in_repository(loaded.path),
        "variables": kept_variables(loaded.spec, variables),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "stored_results_read": context.store.hits,
        "results_computed": context.store.misses,
        "computed": {
            stage: {"items": spent.n_items, "seconds": round(spent.seconds, 2)}
            for stage, spent in sorted(context.store.spent.items())
        },
        "store": str(context.store.root),
    } | ({"look": dict(look)} if look is not None else {})
    (folder / "run.json").write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")
    write_manifest(folder)
