"""The rooms wired together: a spec in, a record with its reports out."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

from auditlens.baselines import comparands, given_baselines, read_all
from auditlens.gather.embeddings import By, runs_similarity
from auditlens.gather.evidence import gather
from auditlens.gather.memory import keep_freed_memory
from auditlens.gather.traces import keep_trace
from auditlens.plan.request import Request
from auditlens.preview.hashes import without_hashes
from auditlens.preview.run import planned_run
from auditlens.report.reading import read_record
from auditlens.spec.baseline_rules import record_file
from auditlens.spec.user_code import CodePolicy
from auditlens.stages.labelling import SetSimilarity
from auditlens.stages.planned_run import PlannedRun
from auditlens.stages.progress import Progress, Silent
from auditlens.stages.record import AuditRecord
from auditlens.stages.verdict import DEFAULT_POLICY, Policy
from auditlens.steps.judge import judged, take_look
from auditlens.steps.load import load
from auditlens.steps.machine import Machine
from auditlens.steps.prepare import foresee, prepare
from auditlens.steps.write import ThisRun, default_out, write_run
from auditlens.store.run_folder import RunFolder

__all__ = ["audit", "default_out", "load_record", "plan", "set_similarity"]


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
    request = Request(
        Path(spec), variables or {}, CodePolicy.of(allow_code, allow_modules), select, exclude, tier, data
    )
    machine = Machine(device, store, batch_size, threads, progress if progress is not None else Silent())
    whole = request.read()
    chosen = request.choose(whole)
    folder = Path(out) if out is not None else default_out(chosen.loaded, chosen.suffix)
    RunFolder.check(folder)
    earlier = read_all(given_baselines(chosen.loaded, baselines or {}), folder)
    begun = time.monotonic()
    keep_freed_memory()
    prepared = prepare(chosen, load(chosen, machine))
    gathered = gather(prepared.context, prepared.plan, prepared.attributor, prepared.sources, prepared.transplanted)
    keep_trace(prepared.context, prepared.plan.selection)
    laps, n_images = prepared.context.store.laps, len(prepared.context.index)
    laps.end("between", n_images)
    again = partial(audit, **machine.options, reports=False, allow_code=allow_code, allow_modules=tuple(allow_modules))
    opened = RunFolder(folder)
    others = comparands(earlier, chosen, prepared.plan, opened, again, machine.progress)
    laps.end("baselines", n_images)
    record = judged(chosen, prepared, gathered, others, opened, today or date.today(), policy)
    look = take_look(whole, record)  # before anybody sees a report
    run = ThisRun(folder, chosen.loaded, request.variables, prepared.context, begun, look)
    write_run(run, record, reports=reports)
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
    request = Request(
        Path(spec), variables or {}, CodePolicy.of(allow_code, allow_modules), select, exclude, tier, data
    )
    machine = Machine(device, store, batch_size, threads, progress if progress is not None else Silent())
    whole = request.read()
    declared = whole.spec
    chosen = request.choose(whole if compare_hashes else replace(whole, spec=without_hashes(declared)))
    prepared = foresee(chosen, load(chosen, machine))
    return planned_run(declared, prepared.context, prepared.plan, prepared.attributor, prepared.sources)


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
