"""An example under every field of the published schema: its own, its default or first choice, or one of a table."""

from __future__ import annotations

from typing import Any, Final

EXAMPLES: Final[dict[str, Any]] = {
    "Assumption.reason": "Five dermatologists agree with its ranking of 100 images (DHF-118).",
    "Audit.id": "MEL-AUD-007",
    "Cutout.images": "cutouts/ruler/images",
    "Data.sets": {"test": {"role": "sealed", "manifest": "test.csv", "unit": "patient_id"}},
    "Decision.class": "melanoma",
    "Decision.threshold": 0.31,
    "ForbiddenOverlap.column": "patient_id",
    "ForbiddenOverlap.salt": "${env:AUDIT_SALT}",
    "ForbiddenOverlap.with": ["train_ids.salted"],
    "Foundation.model": "local-dir:/models/dermclip",
    "GeneratedData.arguments": {"n": 500, "seed": 7},
    "GeneratedData.factory": "auditlens.testbed.scenes:write_dermoscopy",
    "HueShift.degrees": [-25, 25],
    "Model.arguments": {"num_classes": 2},
    "Model.classes": ["benign", "melanoma"],
    "Overlay.images": "cutouts/ink",
    "Python.arguments": {"strength": 0.5},
    "ReferencePrediction.image": "images/00003.png",
    "ReferencePrediction.probabilities": {"melanoma": 0.98},
    "Released.file": "derm-1.3.onnx",
    "Strata.by": ["site", "fitzpatrick"],
    "Swap.column": "device",
    "Tint.colour": [231, 128, 151],
    "Vocabulary.categories": {"colours": ["red", "brown"], "objects": ["ruler", "band-aid"]},
    "Waiver.approved_by": "dr.ito",
    "Waiver.bound": "<= 0.08",
    "Waiver.expires": "2027-03-31",
    "Waiver.gate": "false_alarm",
    "Waiver.model_sha256": "9f" * 32,
    "Waiver.reason": "DEV-118",
    "Waiver.within": {"fitzpatrick": "V-VI"},
    ".concepts": {"ruler": {"texts": ["ruler", "ruler marks"], "column": "ruler"}},
    ".classes": {"melanoma": {"valid": ["group:ABCDE"], "spurious": ["ruler"]}},
    ".artefacts": {"ruler": {"kind": "ruler", "column": "ruler"}},
    ".gates": {"works": {"metric": "sensitivity", "limit": ">= 0.90", "required_by": "all"}},
    "label_map": {"MEL": "melanoma", "NV": "benign"},
    "masks": "masks",
    "only": {"fitzpatrick": ["I-II", "III-IV"]},
    "owner": "j.weiss",
}
"""Examples of fields that have no default to show, by `Part.field`, or by field where all parts mean the same."""


def add_examples(schema: dict[str, Any]) -> None:
    """Give every property of a schema an example, in place; parts are left out, since their fields have examples.

    `kind`, by which an artefact is told, gets its description here too.
    """
    for part, definition in [("", schema), *schema.get("$defs", {}).items()]:
        for name, field in definition.get("properties", {}).items():
            if name == "kind":
                field.setdefault("description", "The kind of artefact.")
            found = _example(part, name, field)
            if "examples" not in field and found is not None:
                field["examples"] = [found]


def _example(part: str, name: str, field: dict[str, Any]) -> Any:
    for key in (f"{part}.{name}", name):
        if key in EXAMPLES:
            return EXAMPLES[key]
    if field.get("enum"):
        return field["enum"][0]
    return field.get("const", field.get("default"))
