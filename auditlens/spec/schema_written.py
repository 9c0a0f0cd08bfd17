"""From the schema of a whole spec to the schema of a spec as people write it.

What is written may rest on `include:`, so nothing but that can say that a field is missing; an entry of `null` takes an
inherited one out; and `${var:NAME}` may stand for any scalar.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

Schema = dict[str, Any]

VARIABLE: Final[Schema] = {
    "description": "A variable that is replaced after parsing.",
    "type": "string",
    "pattern": r"\$\{(env|var):[^{}]+\}",
    "examples": ["${var:THRESHOLD}"],
}
EXTENDS: Final = "extends"
"""Field by which a part takes over what it does not say."""
_REFERENCE: Final = "#/$defs/"
_SCALARS: Final = ("integer", "number", "boolean")


def as_written(schema: Schema) -> Schema:
    """Return the schema of a spec before its includes are merged and its variables are replaced."""
    required = {name: part.pop("required", []) for name, part in schema["$defs"].items()}
    rest = {"required": schema.pop("required"), "properties": _missing(schema, schema, required, ())}
    for part in (schema, *schema["$defs"].values()):
        part["properties"] = {name: _field(field, required) for name, field in part.get("properties", {}).items()}
    schema["$defs"]["Variable"] = VARIABLE
    return schema | {"if": {"required": ["include"]}, "else": rest}


def _missing(root: Schema, part: Schema, required: dict[str, list[str]], above: tuple[str, ...]) -> Schema:
    """Say for every part below, and for the entries of every mapping of parts, which fields it needs on its own."""
    found = {}
    for name, field in part.get("properties", {}).items():
        rule = _rule(root, field, required, above)
        entries = _entries(field)
        inner = _rule(root, entries, required, above) if entries else {}
        if inner:
            rule = rule | {"additionalProperties": inner} | _named_entries(field)
        if rule:
            found[name] = rule
    return found


def _named_entries(field: Schema) -> Schema:
    """Keep entries that have a meaning of their own, such as `gates.defaults`, from what all others need."""
    return {"properties": dict.fromkeys(field["properties"], True)} if "properties" in field else {}


def _rule(root: Schema, field: Schema, required: dict[str, list[str]], above: tuple[str, ...]) -> Schema:
    names = [name for name in _parts(field) if name not in above]
    rules = {name: _rule_of(root, name, required, (*above, name)) for name in names}
    if not _is_union(field):
        return next((rule for rule in rules.values() if rule), {})
    kinds = [
        {"if": {"required": ["kind"], "properties": {"kind": root["$defs"][name]["properties"]["kind"]}}, "then": rule}
        for name, rule in rules.items()
    ]
    return {"if": {"type": "object"}, "then": {"required": ["kind"], "allOf": kinds}}


def _rule_of(root: Schema, name: str, required: dict[str, list[str]], above: tuple[str, ...]) -> Schema:
    below = _missing(root, root["$defs"][name], required, above)
    needs: Schema = {"required": required[name]} if required[name] else {}
    if needs and EXTENDS in root["$defs"][name]["properties"]:
        needs = {"anyOf": [needs, {"required": [EXTENDS]}]}
    return needs | ({"properties": below} if below else {})


def _entries(field: Schema) -> Schema | None:
    """Find the schema of a mapping's entries, or None where the field is no mapping."""
    patterns = field.get("patternProperties", {})
    entries = next(iter(patterns.values()), field.get("additionalProperties"))
    return entries if isinstance(entries, dict) else None


def _is_union(field: Schema) -> bool:
    return "discriminator" in field


def _parts(field: Schema) -> Iterator[str]:
    """Name the parts that a value may be, lists and mappings of parts left out."""
    for choice in (field, *field.get("anyOf", ()), *field.get("oneOf", ())):
        if "$ref" in choice:
            yield choice["$ref"].removeprefix(_REFERENCE)


def _field(field: Schema, required: dict[str, list[str]]) -> Schema:
    """Let a field's mappings have entries of null, its scalars be variables, and its lists hold whole parts."""
    changed = {key: value for key, value in field.items() if key not in ("patternProperties", "discriminator", "oneOf")}
    for pattern, entry in field.get("patternProperties", {}).items():
        changed["propertyNames"] = {"pattern": pattern, "maxLength": 80}
        changed["additionalProperties"] = _entry(entry, required)
    if isinstance(field.get("additionalProperties"), dict):
        changed["additionalProperties"] = _entry(field["additionalProperties"], required)
    if "oneOf" in field:
        changed["anyOf"] = field["oneOf"]
    if "items" in changed:
        changed["items"] = _item(field["items"], required)
    if "anyOf" in changed:
        changed["anyOf"] = [_field(choice, required) for choice in changed["anyOf"]]
    return _or_variable(changed)


def _entry(entry: Schema, required: dict[str, list[str]]) -> Schema:
    changed = _field(entry, required)
    if not list(_parts(changed)):
        return changed
    choices = changed.pop("anyOf", None) or [{"$ref": changed.pop("$ref")}]
    return changed | {"anyOf": [*choices, {"type": "null"}]}


def _item(item: Schema, required: dict[str, list[str]]) -> Schema:
    """A list replaces what was included as a whole, so each of its parts is whole."""
    name = next(_parts(item), None)
    if name is None or not required[name]:
        return _field(item, required)
    return {"allOf": [item], "required": required[name]}


def _or_variable(field: Schema) -> Schema:
    """Let a value be `${var:NAME}` where only a number, a truth value or chosen words fit."""
    narrow = field.get("type") in _SCALARS or "enum" in field or "pattern" in field
    if not narrow:
        return field
    about = {key: field[key] for key in ("title", "description", "examples", "default") if key in field}
    return about | {"anyOf": [{k: v for k, v in field.items() if k not in about}, {"$ref": _REFERENCE + "Variable"}]}
