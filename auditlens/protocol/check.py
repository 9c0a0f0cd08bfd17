"""Does a record belong to this model and spec, and what is its verdict today? Without data, GPU or torch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from auditlens.errors import InputError, IntegrityError
from auditlens.protocol.signature import SUFFIX, demand_signature, fingerprint, load_public_key
from auditlens.report.reading import read_record
from auditlens.spec.baseline_rules import record_file
from auditlens.spec.load import LoadedSpec, load_spec
from auditlens.stages.plan import AuditPlan
from auditlens.stages.record import AuditRecord
from auditlens.stages.states import GateState
from auditlens.stages.verdict import DEFAULT_POLICY, Policy, Verdict
from auditlens.store.folders import file_sha256
from auditlens.store.run_folder import MANIFEST
from auditlens.verdict import decide


@dataclass(frozen=True, slots=True)
class Checked:
    """What was verified, and the verdict as of today.

    Attributes
    ----------
    record : AuditRecord
    verdict : Verdict
        Decided again from the record's findings: waivers that expired since count no more.
    lines : tuple of str
        What was verified, one sentence each.
    """

    record: AuditRecord
    verdict: Verdict
    lines: tuple[str, ...]


def check_record(
    path: Path,
    model: Path,
    spec: Path,
    *,
    variables: Mapping[str, str] | None = None,
    public_key: Path | None = None,
    today: date,
    policy: Policy = DEFAULT_POLICY,
) -> Checked:
    """Verify a record against a model file, a spec and a key.

    Parameters
    ----------
    path : Path
        A run folder, or its record.
    model : Path
        The file that ships: the released one where the record has one, else the weights.
    spec : Path
        Files that it names need not be here.
    variables : mapping of str to str, optional
    public_key : Path, optional
        None accepts a record that nobody signed.
    today : date
    policy : Policy
        What counts for the exit code.

    Raises
    ------
    IntegrityError
        Anything that does not belong together.
    InputError, SpecError
        Anything that cannot be read.
    """
    place = record_file(path)
    record = read_record(place)
    loaded = load_spec(spec, variables, check_paths=False)
    lines = [
        _manifest(place, whole=path.is_dir()),
        _signature(place, public_key),
        _model(record.plan, model),
        _spec(record, loaded),
    ]
    verdict = decide(loaded.spec, record.plan, record.findings, today, policy)  # a waiver counts as long as it lasts
    return Checked(record, verdict, (*lines, *_since(record.verdict, verdict)))


def _manifest(place: Path, *, whole: bool) -> str:
    """Compare every file of the run folder with its manifest; a record by itself has none.

    Parameters
    ----------
    whole : bool
        Whether the run folder was named, and not its record alone.
    """
    manifest = place.with_name(MANIFEST)
    if not manifest.is_file() and whole:
        raise IntegrityError(f"{manifest} is missing, so nothing shows that the folder is as the run wrote it")
    if not manifest.is_file():
        return f"the record stands alone: there is no {MANIFEST} beside it"
    names = [(line[:64], line[66:]) for line in manifest.read_text(encoding="utf-8").splitlines() if line]
    for sha256, name in names:
        file = place.parent / name
        if not file.is_file():
            raise IntegrityError(f"{file} is missing; {manifest} lists it")
        if file_sha256(file) != sha256:
            raise IntegrityError(f"{file} was changed since the run: its SHA-256 is not the one in {manifest}")
    if place.name not in {name for _, name in names}:
        raise IntegrityError(f"{manifest} does not list {place.name}")
    return f"the run folder's {len(names)} files are as the run wrote them"


def _signature(place: Path, public_key: Path | None) -> str:
    file = place.with_name(place.name + SUFFIX)
    if public_key is None:
        return "the signature was not asked for"
    key = load_public_key(public_key)
    try:
        signature = file.read_text(encoding="utf-8").split("\n", 1)[0]
    except FileNotFoundError as error:
        raise IntegrityError(
            f"the record is not signed: there is no {file}", hint="auditlens sign RECORD --key PEM"
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read the signature {file}") from error
    demand_signature(place.read_bytes(), signature, key, f"the record {place}")
    return f"signed with the key sha256:{fingerprint(key)}"


def _model(plan: AuditPlan, file: Path) -> str:
    expected = plan.model.identity_sha256
    what = "released file" if plan.model.released is not None else "weights"
    if expected is None:
        raise IntegrityError("the record is of a model with random weights; no file can be the audited one")
    found = _model_sha256(plan, file)
    if found != expected:
        raise IntegrityError(
            f"the model {file} is not the audited one: its SHA-256 is {found[:16]}..., that of the audited {what} "
            f"{expected[:16]}..."
        )
    return f"the model is the audited {what}, sha256 {expected}"


def _model_sha256(plan: AuditPlan, file: Path) -> str:
    """SHA-256 of the file; of one with further files that of the lines of `sha256sum`, as the record has it."""
    further = plan.model.released.data_files if plan.model.released is not None else ()
    try:
        if not further:
            return file_sha256(file)
        files = (file, *(file.with_name(name) for name in further))
        return hashlib.sha256("".join(f"{file_sha256(one)}  {one.name}\n" for one in files).encode()).hexdigest()
    except OSError as error:
        raise InputError(f"cannot read the model {file}: {error.strerror or error}") from error


def _spec(record: AuditRecord, loaded: LoadedSpec) -> str:
    if loaded.sha256 != record.plan.spec_sha256:
        raise IntegrityError(
            f"the spec {loaded.path} is not the audited one: its SHA-256 is {loaded.sha256[:16]}..., the record's "
            f"{record.plan.spec_sha256[:16]}...",
            hint="give the variables of the run with --var, and the libraries that it includes",
        )
    return f"the spec is the audited one, sha256 {loaded.sha256}"


def _since(recorded: Verdict, now: Verdict) -> Iterator[str]:
    """What another day changes; anything else that differs was tampered with.

    Raises
    ------
    IntegrityError
        A gate's state is not the one that its findings give.
    """
    states = {result.gate.id: result for result in now.gates}
    for result in recorded.gates:
        today = states.get(result.gate.id)
        if today is None or today.state is not result.state:
            raise IntegrityError(f"the record says that {result.gate.id} {result.state}; its findings do not")
        if result.state is GateState.FAILS and result.waived and not today.waived:
            yield f"{result.gate.id} is accepted no more: {today.waiver}"
