"""What a call asks for: a spec, which part of it, and whose code may run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from auditlens.plan.selection import Chosen, Selection, choose
from auditlens.spec.load import Check, LoadedSpec, load_spec
from auditlens.spec.user_code import NO_CODE, CodePolicy, check_code


@dataclass(frozen=True, slots=True)
class Request:
    """What a call asks for; nothing is read before it is told to.

    Attributes
    ----------
    spec : Path
    variables : mapping of str to str
        Values of `${var:NAME}`.
    code : CodePolicy
    select, exclude : sequence of str
        `KEY=VALUE[,VALUE]`.
    tier : str or None
    data : str or None
        Which of `data.sets` to audit.
    """

    spec: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    code: CodePolicy = NO_CODE
    select: Sequence[str] = ()
    exclude: Sequence[str] = ()
    tier: str | None = None
    data: str | None = None

    def read(self, checks: Iterable[Check] = ()) -> LoadedSpec:
        """Read the whole spec, and refuse code that may not run; sets that the call does not read need not be there.

        Parameters
        ----------
        checks : iterable of Check
            Further checks, whose faults are told with the spec's own.

        Raises
        ------
        AuditLensError
        """
        loaded = load_spec(self.spec, dict(self.variables), checks=tuple(checks), tier=self.tier, data=self.data)
        check_code(loaded, self.code)
        return loaded

    def choose(self, whole: LoadedSpec) -> Chosen:
        """Restrict the spec to the set, the tier and the gates that are asked for.

        Raises
        ------
        SelectionError, SpecError
        """
        return choose(whole, Selection.parse(self.select, self.exclude), self.tier, self.data)
