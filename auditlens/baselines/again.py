"""The spec by which a baseline's model is run again: this one's questions, that one's model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from auditlens.baselines.read import Earlier
from auditlens.plan.selection import Chosen
from auditlens.spec.images import DataSet
from auditlens.spec.load import LoadedSpec
from auditlens.spec.paths import PATH_FIELDS, Kind, rebased
from auditlens.spec.sets import AUDITED, SERVING
from auditlens.stages.sets import SetRole

LEFT_OUT: Final = ("include", "baselines", "change", "waivers", "tiers", "protocol")
HEAD: Final = "# Written by auditlens: the model of the baseline {name}, asked by the spec of {audit}.\n"


def spec_again(loaded: LoadedSpec, earlier: Earlier, name: str, folder: Path, sets: Sets | None = None) -> str:
    """Write the spec: everything of this one but its model and decision, which are the baseline's.

    Gates against baselines, waivers and the change plan are about the new model, and are left out. The weights are
    pinned to the SHA-256 of the record.

    Parameters
    ----------
    loaded : LoadedSpec
    earlier : Earlier
    name : str
        Of the baseline.
    folder : Path
        Where the spec will stand; its paths are written for there.
    sets : Sets, optional
        The audited set's name and role with the sets that serve it, where there are several.
    """
    document = loaded.spec.model_dump(mode="json", by_alias=True, exclude=set(LEFT_OUT), exclude_none=True)
    document["data"].pop("forbidden_overlap", None)  # its salt is a secret, and this run has looked already
    document["data"] = document["data"] if sets is None else sets.written(document["data"])
    document = _moved(document, loaded.base, folder)
    then = {key: earlier.record.spec[key] for key in ("model", "decision") if earlier.record.spec.get(key) is not None}
    document.pop("decision", None)
    document |= _moved(then, earlier.base or loaded.base, folder)
    document["model"] = _pinned(document["model"], earlier)
    document["gates"] = _own_gates(document["gates"], earlier.record.plan.model.decision_class)
    document["audit"] |= {"title": f"{document['audit'].get('title', '')}, baseline {name} run again"}
    head = HEAD.format(name=name, audit=loaded.spec.audit.id)
    return head + yaml.safe_dump(_escaped(document), sort_keys=False, allow_unicode=True)


@dataclass(frozen=True, slots=True)
class Sets:
    """Which set a run audits, and those that say what is seen and what components encode.

    Attributes
    ----------
    audited : str
    role : SetRole
    serving : mapping of str to DataSet
    """

    audited: str
    role: SetRole
    serving: Mapping[str, DataSet]

    @classmethod
    def of(cls, chosen: Chosen) -> Sets | None:
        """Find them; None where the audited images serve themselves."""
        name, sets = chosen.data, chosen.whole.data.sets
        serving = {other: one for other, one in sets.items() if other != name and one.role in SERVING}
        return cls(name, sets[name].role, serving) if name is not None and serving else None

    def written(self, audited: Mapping[str, Any]) -> dict[str, Any]:
        """The same images as sets again; whatever they share, this run has told.

        Parameters
        ----------
        audited : mapping
            The audited set as if it were the only one, with the strata.
        """
        own = {key: value for key, value in audited.items() if key not in ("strata", "sets")}
        role = self.role if self.role in AUDITED else SetRole.DEVELOPMENT
        sets = {self.audited: own | {"role": str(role)}} | {
            name: one.model_dump(mode="json", by_alias=True, exclude_none=True) for name, one in self.serving.items()
        }
        strata = {"strata": audited["strata"]} if "strata" in audited else {}
        return {"sets": sets, "forbidden_overlap": {"on_overlap": "report"}} | strata


def _pinned(model: dict[str, Any], earlier: Earlier) -> dict[str, Any]:
    """The model part with the hashes of the record, and without reference predictions, whose images may be gone."""
    plan = earlier.record.plan.model
    pinned = {name: value for name, value in model.items() if value is not None and name != "reference_predictions"}
    if pinned.get("weights") and plan.weights_sha256:
        pinned["sha256"] = plan.weights_sha256
    if pinned.get("released") and plan.released is not None:
        released = {name: value for name, value in pinned["released"].items() if value is not None}
        pinned["released"] = released | {"sha256": plan.released.sha256}
    return pinned


def _own_gates(gates: dict[str, Any], class_name: str) -> dict[str, Any]:
    """Gates on the value itself; one that asks nothing, where all are against baselines."""
    kept = {name: dict(gate) for name, gate in gates.items() if gate.get("against") is None}
    for gate in kept.values():
        if isinstance(gate.get("required_by"), list):
            gate["required_by"] = [name for name in gate["required_by"] if name in kept]
    return kept or {"asks_nothing": {"metric": "auroc", "class": class_name, "limit": ">= 0", "severity": "warn"}}


def _moved(document: dict[str, Any], written_in: Path, base: Path) -> dict[str, Any]:
    moved: Any = document
    for pattern, kind in PATH_FIELDS.items():
        moved = _changed(moved, pattern, _rebaser(written_in, base, kind))
    assert isinstance(moved, dict)
    return moved


def _rebaser(written_in: Path, base: Path, kind: Kind) -> Callable[[str], str]:
    return lambda text: rebased(text, written_in=written_in, base=base, kind=kind)


def _changed(value: Any, pattern: tuple[str, ...], change: Callable[[str], str]) -> Any:
    if not pattern:
        return change(value) if isinstance(value, str) else value
    head, rest = pattern[0], pattern[1:]
    if isinstance(value, dict):
        return {key: _changed(below, rest, change) if head in ("*", key) else below for key, below in value.items()}
    if isinstance(value, list) and head == "*":
        return [_changed(below, rest, change) for below in value]
    return value


def _escaped(value: Any) -> Any:
    """Keep texts that look like variables from being read as such."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, dict):
        return {key: _escaped(below) for key, below in value.items()}
    return [_escaped(below) for below in value] if isinstance(value, list) else value
