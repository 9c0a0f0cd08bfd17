"""The JSON Schema of the spec, and the field tables of its documentation, both generated from the types."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from auditlens.spec.artefacts import ArtefactBase, ArtefactDefaults
from auditlens.spec.gates import GateDefaults
from auditlens.spec.metrics import METRIC_RULES
from auditlens.spec.model import AuditSpec
from auditlens.spec.schema_examples import add_examples
from auditlens.spec.schema_written import as_written
from auditlens.spec.shape import alternatives, field_names, in_words, kinds_of
from auditlens.spec.versions import CURRENT

SCHEMA_ID: Final = f"urn:auditlens:spec:{CURRENT}"
SCHEMA_FILE: Final = f"auditlens-{CURRENT}.schema.json"
SCHEMA_LINE: Final = f"# yaml-language-server: $schema=./{SCHEMA_FILE}"
"""First line of a spec, by which editors find the schema beside it."""
EXAMPLE: Final[dict[str, Any]] = {
    "auditlens": 1,
    "include": ["auditlens/artefacts/dermoscopy"],
    "audit": {"id": "MEL-AUD-007", "owner": "j.weiss"},
    "model": {"architecture": "timm:convnext_tiny", "weights": "derm.safetensors", "classes": ["benign", "melanoma"]},
    "decision": {"class": "melanoma", "threshold": 0.31},
    "data": {"manifest": "test.csv", "unit": "patient_id"},
    "gates": {
        "works_at_all": {"metric": "sensitivity", "limit": ">= 0.90", "required_by": "all"},
        "missed": {
            "metric": "decision_flips",
            "direction": "melanoma_to_benign",
            "each": {"artefact": "all"},
            "limit": "<= 0.02",
        },
    },
}


DEFAULTS: Final[dict[str, type[BaseModel]]] = {"artefacts": ArtefactDefaults, "gates": GateDefaults}
"""What `defaults` of a section may hold."""


def json_schema() -> dict[str, Any]:
    """Generate the schema (JSON Schema draft 2020-12).

    It describes a spec as it is written. What only a reader of the whole can know, such as whether a concept exists or
    what an included file brings, is checked by `auditlens validate`.
    """
    generated = AuditSpec.model_json_schema(by_alias=True)
    for section, part in DEFAULTS.items():
        _add_defaults(generated, section, part)
    add_examples(generated)
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "AuditLens spec",
        "description": generated.pop("description"),
        "examples": [EXAMPLE],
    }
    generated.pop("title")
    return head | as_written(generated)


def _add_defaults(generated: dict[str, Any], section: str, part: type[BaseModel]) -> None:
    """`gates.defaults` and the like are resolved before the types see the section, so that they do not know of it."""
    schema = part.model_json_schema(by_alias=True, ref_template="#/$defs/{model}")
    schema.pop("$defs", None)  # the section's own types bring them
    generated["$defs"][part.__name__] = schema
    generated["properties"][section]["properties"] = {"defaults": {"$ref": f"#/$defs/{part.__name__}"}}


def schema_text() -> str:
    """Write the schema as it is published."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def field_tables() -> str:
    """Write the Markdown tables of `docs/spec.md`: one per part of the spec, in the order of the document."""
    tables: list[str] = []
    _add_tables(AuditSpec, "", tables)
    return "\n".join(tables)


def _add_tables(model: type[BaseModel], path: str, tables: list[str]) -> None:
    shared = _shared(model)
    tables.append(_table(model, path, skip=shared))
    for name, info in field_names(model).items():
        if name in shared:
            continue
        parts = _parts(info.annotation)
        if name in DEFAULTS and not path:
            _add_tables(DEFAULTS[name], f"{name}.defaults", tables)
        if len(parts) > 1:
            _add_tables(ArtefactBase, f"{path}.{name}.NAME (every kind)".removeprefix("."), tables)
        for part in parts:
            _add_tables(part, _below(path, name, info, part), tables)


def _shared(model: type[BaseModel]) -> set[str]:
    """Fields of a kind of artefact that are those of every kind; a kind may narrow some, which then stand with it."""
    if not kinds_of(model):
        return set()
    fields = ArtefactBase.model_fields
    return {name for name in fields if repr(model.model_fields[name]) == repr(fields[name])}


def _table(model: type[BaseModel], path: str, skip: set[str]) -> str:
    rows = [_row(name, info) for name, info in field_names(model).items() if name not in skip]
    head = f"### {path or 'The document'}\n\n{(model.__doc__ or '').strip().splitlines()[0]}\n"
    return "\n".join([head, "| field | value | default | meaning |", "| --- | --- | --- | --- |", *rows, ""])


def _parts(annotation: Any) -> list[type[BaseModel]]:
    """Find the parts that a field's value is made of."""
    found = []
    for single in alternatives(annotation):
        if isinstance(single, type) and issubclass(single, BaseModel):
            found.append(single)
        else:
            found += [part for argument in get_args(single) if argument is not Ellipsis for part in _parts(argument)]
    return found


def _below(path: str, name: str, info: FieldInfo, part: type[BaseModel]) -> str:
    many = {"dict": ".NAME", "tuple": "[]"}.get(_container(info), "")
    kinds = kinds_of(part)
    return f"{path}.{name}{many}".removeprefix(".") + (f" (kind: {', '.join(kinds)})" if kinds else "")


def _container(info: FieldInfo) -> str:
    """Name the container that holds a field's parts: `dict`, `tuple`, or nothing."""
    return str(getattr(get_origin(info.annotation), "__name__", ""))


def _row(name: str, info: FieldInfo) -> str:
    default = "required" if info.is_required() else _default(info)
    meaning = (info.description or "The kind of artefact.").replace("|", "\\|")
    return f"| `{name}` | {_value(info)} | {default} | {meaning} |"


def _value(info: FieldInfo) -> str:
    if _parts(info.annotation):
        shapes = {"dict": "a mapping of names to parts", "tuple": "a list of parts"}
        return shapes.get(_container(info), "a part, below")
    given = tuple(part for part in alternatives(info.annotation) if part is not type(None))
    return ", ".join([in_words(given), *_bounds(info.metadata)])


def _bounds(metadata: list[Any]) -> list[str]:
    signs = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
    found = [(sign, getattr(rule, name, None)) for rule in metadata for name, sign in signs.items()]
    return [f"{sign} {bound:g}" for sign, bound in found if bound is not None]


def _default(info: FieldInfo) -> str:
    value = info.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, BaseModel):
        return "its defaults"
    if value in (None, "", (), {}):
        return "-"
    return f"`{json.dumps(float(f'{value:.6g}') if isinstance(value, float) else value)}`"


def metric_table() -> str:
    """Write the Markdown table of what gates can measure."""
    rows = [
        "| metric | unit | better | limits | needs | may name | question |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, rule in METRIC_RULES.items():
        needs = [*sorted(rule.needs), *["sham"] * rule.needs_sham, *["foundation"] * rule.needs_foundation]
        limits = ", ".join(f"`{relation}`" for relation in rule.relations)
        takes = ", ".join(sorted(rule.takes))
        rows.append(
            f"| `{name}` | {rule.unit} | {rule.better} | {limits} | {', '.join(needs)} | {takes} | {rule.question} |"
        )
    return "\n".join(rows) + "\n"


def measure_table() -> str:
    """Write the Markdown table of what the metrics are: unit, range, direction and source."""
    rows = ["| metric | unit | range | better | question | source |", "| --- | --- | --- | --- | --- | --- |"]
    for name, rule in METRIC_RULES.items():
        better = f"{rule.better} (describes)" if rule.describes else rule.better
        rows.append(f"| `{name}` | {rule.unit} | {rule.range} | {better} | {rule.question} | {rule.source} |")
    return "\n".join(rows) + "\n"


MARKS: Final = {"fields": field_tables, "metrics": metric_table, "measures": measure_table}
"""Parts of a document between `<!-- NAME -->` and `<!-- /NAME -->` that are generated, where it has them."""


def with_tables(document: str) -> str:
    """Replace the generated parts of a document by what the types say now."""
    for name, make in MARKS.items():
        opening, closing = f"<!-- {name} -->", f"<!-- /{name} -->"
        if opening not in document:
            continue
        head, _, rest = document.partition(opening)
        _, _, tail = rest.partition(closing)
        document = f"{head}{opening}\n{make()}{closing}{tail}"
    return document


def main(arguments: list[str]) -> int:
    """Bring generated files up to date: `--docs docs/spec.md` or `--json specs/auditlens-1.schema.json`.

    Returns
    -------
    int
        0, or 2 for any other call.
    """
    match arguments:
        case ["--docs", file]:
            path = Path(file)
            path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")
        case ["--json", file]:
            Path(file).write_text(schema_text(), encoding="utf-8")
        case _:
            print("usage: python -m auditlens.spec.schema --docs FILE | --json FILE", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
