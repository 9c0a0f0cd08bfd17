"""A YAML file -> `LoadedSpec`: read, merged with what it includes, validated, and cross-checked, all faults at once."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from auditlens.errors import Fault, Location
from auditlens.spec import nodes
from auditlens.spec.artefact_defaults import resolve_artefacts
from auditlens.spec.baseline_rules import check_baselines
from auditlens.spec.clean_rules import check_clean_by
from auditlens.spec.doses import check_doses
from auditlens.spec.files import check_files, model_classes
from auditlens.spec.gate_rules import check_gates
from auditlens.spec.include import LIBRARY, Reader
from auditlens.spec.inherit import resolve_gates
from auditlens.spec.model import AuditSpec
from auditlens.spec.nodes import Fields, Problems
from auditlens.spec.overlap import check_salt
from auditlens.spec.references import check_references
from auditlens.spec.sets import unread_sets
from auditlens.spec.strata_rules import check_strata
from auditlens.spec.tier_rules import check_tiers
from auditlens.spec.unit_rules import check_units
from auditlens.spec.waiver_rules import check_waivers
from auditlens.stages.base import canonical_json
from auditlens.stages.collector import uncollected


@dataclass(frozen=True, slots=True)
class LoadedSpec:
    """A valid spec with its text and the place of every field.

    Attributes
    ----------
    spec : AuditSpec
        Includes merged, gates completed by what they extend, variables resolved, defaults filled in.
    text : str
        The file as it was written.
    path, base : Path
        The file, and its folder, which relative paths start from (`auditlens.spec.paths.resolve(text, base)`).
    classes : tuple of str
        The model's classes, read from the text file where the spec names one.
    sha256 : str
        SHA-256 of the canonical JSON of `spec` without `include`: layout, comments, key order, and whether a field
        stands in the spec or in a library make no difference; variables do, by their values.
    root : Fields
        The merged document with its places.
    warnings : tuple of Fault
        What the checks found doubtful.
    """

    spec: AuditSpec
    text: str
    path: Path
    base: Path
    classes: tuple[str, ...]
    sha256: str
    root: Fields
    warnings: tuple[Fault, ...] = ()

    def locate(self, path: nodes.Path) -> Location:
        """Find where a field stands, for a message; the file is named as the user named the spec.

        A path that goes further than the document ends at the deepest entry that exists.
        """
        return nodes.place(self.root, path)

    def cite(self, path: nodes.Path) -> str:
        """Write `file:line:col` for a record, the same wherever the tool stands and was started.

        Files are named relative to the spec's folder, libraries as `include:` names them.
        """
        at, file = self.locate(path), Path(self.locate(path).file)
        if file.is_relative_to(LIBRARY):
            named = "auditlens/" + file.relative_to(LIBRARY).as_posix()
        else:
            named = Path(os.path.relpath(file, self.path.parent)).as_posix()
        return str(Location(named, at.line, at.column))


Check = Callable[[Fields, Path, tuple[str, ...], Problems], None]
"""What looks at a merged document, the spec's folder and the model's classes, and notes what is wrong."""


@uncollected()  # many small objects that stay: half of the time of reading
def load_spec(
    path: Path | str,
    variables: Mapping[str, str] | None = None,
    *,
    check_paths: bool = True,
    checks: Iterable[Check] = (),
    tier: str | None = None,
    data: str | None = None,
) -> LoadedSpec:
    """Read a spec and check everything that can be known without a model or an image.

    Parameters
    ----------
    path : Path or str
    variables : mapping of str to str, optional
        Values of `${var:NAME}`.
    check_paths : bool
        Whether the files and folders that the spec names must exist.
    checks : iterable of Check
        Further ones, whose faults come with all others: what the files say that the spec names.
    tier, data : str, optional
        The tier and the set of images that the call is about: files of sets that it does not read need not exist.

    Raises
    ------
    SpecError
        With `faults`, one line each: `file:line:col: path: what is wrong, what is valid, nearest match`.
    """
    path = Path(path)
    problems = Problems()
    read, text = Reader(variables or {}, problems).read(path, str(path))
    check_units(read, problems)
    root = resolve_artefacts(resolve_gates(read, problems), problems)
    base = path.absolute().parent
    classes = model_classes(root, base, problems)
    spec = _validated(root, problems)
    check_references(root, classes, problems)
    check_gates(root, problems)
    check_waivers(root, problems)
    check_baselines(root, base, problems, check_paths=check_paths)
    check_strata(root, classes, problems)
    check_clean_by(root, problems)
    check_doses(root, problems)
    check_tiers(root, problems)
    if spec is not None and spec.data.forbidden_overlap is not None:
        check_salt(root, text, spec.data.forbidden_overlap.salt, problems)
    if check_paths:
        check_files(root, base, problems, unread_sets(root, tier, data))
    for check in checks:
        check(root, base, classes, problems)
    problems.demand_none(path)
    assert spec is not None  # else there is a problem
    return LoadedSpec(spec, text, path, base, classes, _sha256(spec), root, problems.warnings)


def _validated(root: Fields, problems: Problems) -> AuditSpec | None:
    """Validate through JSON: strict Python mode would refuse the lists that YAML has for tuples."""
    try:
        return AuditSpec.model_validate_json(json.dumps(nodes.plain(root)))
    except ValidationError as error:
        from auditlens.spec.explain import explain  # only a wrong spec needs it, and a right one is answered sooner

        explain(error, root, problems)
        return None


def merged_document(spec: AuditSpec) -> dict[str, Any]:
    """Return the spec as it was understood, as plain JSON values, without `include`."""
    return spec.model_dump(mode="json", by_alias=True, exclude={"include"})


def _sha256(spec: AuditSpec) -> str:
    return hashlib.sha256(canonical_json(merged_document(spec)).encode()).hexdigest()
