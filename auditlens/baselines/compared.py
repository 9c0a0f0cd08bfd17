"""Each baseline made comparable: by its own numbers, by an audit of its model by this spec, or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from auditlens.baselines.again import Sets, spec_again
from auditlens.baselines.changed import what_changed
from auditlens.baselines.read import Earlier, Given, read_earlier
from auditlens.errors import AuditLensError, InputError
from auditlens.findings.against import Comparand
from auditlens.findings.side_by_side import Run
from auditlens.plan.selection import Chosen
from auditlens.spec.baseline_rules import record_file
from auditlens.spec.model import AuditSpec
from auditlens.stages.plan import AuditPlan
from auditlens.stages.progress import Progress
from auditlens.stages.record import AuditRecord
from auditlens.store.run_folder import RunFolder

NOT_GIVEN = "the spec leaves its record to the command (--baseline {name}=RECORD), which named none"
NO_ANSWERS = "its run folder keeps no answers by picture"
NO_RELEVANCE = "its run folder keeps no relevance by image, or no answers with the lesion erased"


class Again(Protocol):
    """Audits a spec."""

    def __call__(self, spec: Path, *, out: Path) -> AuditRecord:
        """Audit it into a run folder."""


@dataclass(frozen=True, slots=True)
class Found:
    """A baseline that was named, with what was read of it.

    Attributes
    ----------
    given : Given
    earlier : Earlier or None
        None where no record was named.
    """

    given: Given
    earlier: Earlier | None


def read_all(given: Iterable[Given], out: Path) -> tuple[Found, ...]:
    """Read every baseline that has a record, before anything is measured.

    Raises
    ------
    InputError
        A record that is missing, broken, or not the one that was meant, or that this run would write over.
    """
    given = tuple(given)
    for one in given:
        if one.path is not None and record_file(one.path).parent.resolve() == out.resolve():
            raise InputError(f"the run folder {out} is that of the baseline {one.name}", hint="name another with --out")
    return tuple(Found(one, None if one.path is None else read_earlier(one.path, one.sha256)) for one in given)


def comparands(
    found: Iterable[Found], chosen: Chosen, plan: AuditPlan, folder: RunFolder, again: Again, progress: Progress
) -> tuple[Comparand, ...]:
    """Make each baseline comparable.

    Parameters
    ----------
    found : iterable of Found
    chosen : Chosen
        The spec as it runs.
    plan : AuditPlan
        Of this run.
    folder : RunFolder
        Of this run; a model that is run again gets `baselines/NAME.yaml` and `baselines/NAME/` there.
    again : Again
    progress : Progress
    """
    return tuple(_comparand(one, chosen, plan, folder, again, progress) for one in found)


def _comparand(
    found: Found, chosen: Chosen, plan: AuditPlan, folder: RunFolder, again: Again, progress: Progress
) -> Comparand:
    name, earlier = found.given.name, found.earlier
    if earlier is None:
        return Comparand(name, why_not=NOT_GIVEN.format(name=name))
    own = Comparand(name, original=earlier.record, record_sha256=earlier.sha256)
    why = why_again(chosen.whole, plan, earlier)
    if not why:
        return Comparand(name, earlier.record, Run(name, earlier.record, earlier.answers), earlier.sha256)
    progress.stage(f"Auditing the model of {name} again, since {why}", None)
    progress.done()
    try:
        run = _run_again(name, earlier, chosen, folder, again)
    except AuditLensError as error:
        missing = f"{why}, and its model could not be run again: {_first_line(error, folder)}"
        progress.stage(f"Nothing is compared with {name}", None)
        progress.done(missing)
        return Comparand(name, original=own.original, record_sha256=own.record_sha256, why_not=missing)
    return Comparand(name, earlier.record, run, earlier.sha256, again=why)


def why_again(spec: AuditSpec, plan: AuditPlan, earlier: Earlier) -> str:
    """Say why a baseline's model must be run again; empty where its own numbers are comparable."""
    changed = what_changed(spec, plan, earlier.record)
    if changed:
        return f"{' and '.join((', '.join(changed[:-1]), changed[-1]) if len(changed) > 1 else changed)} changed"
    if earlier.answers is None:
        return NO_ANSWERS
    return NO_RELEVANCE if earlier.answers.relevance is None or earlier.answers.erased is None else ""


def _run_again(name: str, earlier: Earlier, chosen: Chosen, folder: RunFolder, again: Again) -> Run:
    spec = folder.place(f"baselines/{name}.yaml")
    text = spec_again(chosen.loaded, earlier, name, spec.parent, Sets.of(chosen))
    spec.write_text(text, encoding="utf-8")
    record = again(spec, out=spec.with_suffix(""))
    return Run(name, record, read_earlier(spec.with_suffix("")).answers)


def _first_line(error: AuditLensError, folder: RunFolder) -> str:
    """What was wrong, without this machine's folder: equal runs give equal records."""
    return str(error).splitlines()[0].replace(f"{folder.path}/", "").rstrip(".")
