"""What `run` and `plan` check before torch is loaded: the spec, what it names, its code, and what is selected."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auditlens.cli.options import SpecOptions
    from auditlens.plan.selection import Chosen


def chosen_spec(spec: Path, call: SpecOptions) -> Chosen:
    """Read a spec and what the call chooses of it, with every check that needs no model.

    Raises
    ------
    AuditLensError
        All faults at once, each with its place.
    """
    from auditlens.data.declared import check_data
    from auditlens.plan.request import Request
    from auditlens.spec.user_code import CodePolicy
    from auditlens.spec.weight_rules import check_weights

    request = Request(
        spec,
        call["variables"],
        CodePolicy.of(call["allow_code"], call["allow_modules"]),
        call["select"],
        call["exclude"],
        call["tier"],
        call["data"],
    )
    return request.choose(request.read((partial(check_data, data=request.data, tier=request.tier), check_weights)))
