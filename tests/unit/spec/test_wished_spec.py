"""A spec as a validation team sketched it: whoever follows the messages, and nothing else, comes to one that loads."""

from pathlib import Path

import pytest

from auditlens.errors import SpecError
from auditlens.spec.load import load_spec

WISHED = Path(__file__).parents[2] / "golden" / "errors" / "wished.yaml"
HASH = "9f" * 32
FOLLOWED = {
    "model.released.sha256": (', sha256: "9f1c..."}', "}"),
    "model.examined": (
        '  examined: {architecture: "timm:convnext_tiny", weights: derm-1.3.safetensors, sha256: "41ab...", '
        "layers: auto}\n",
        '  architecture: "timm:convnext_tiny"\n  weights: derm-1.3.safetensors\n  layers: auto\n',
    ),
    "model.equivalence": ("  equivalence: {max_probability_gap: 0.0001, same_decisions: true}\n", ""),
    "model.preprocessing.sha256": (', sha256: "c07d..."', ""),
    "data.forbidden_overlap": ("clip_finetune_ids.salted]}", 'clip_finetune_ids.salted], salt: "${env:AUDIT_SALT}"}'),
    "data.privacy": ("  privacy: {network: deny, ids: salted, pictures: release_list.csv, min_cell: 10}\n", ""),
    "foundation.sha256": (', sha256: "77e0..."', ""),
    "foundation.second_opinion": (
        ',\n             second_opinion: "local-dir:/models/monet"}',
        '}\nopinions: [{model: "local-dir:/models/monet"}]',
    ),
    "classes.melanoma.spurious[2]": (
        "  device_look:",
        "  patch: {texts: [patch], artefact: patch}\n  device_look:",
    ),
    "classes.melanoma.spurious[4]": (
        "  device_look:",
        "  gel_bubble: {texts: [gel bubble], artefact: gel_bubble}\n  device_look:",
    ),
    "classes.melanoma.contested[1]": ("  device_look:", "  erythema: {texts: [erythema]}\n  device_look:"),
    "review.file": ("review: {file: adjudications.yaml, ", "review: {"),
    "review.components": ("review: {readers", f"review: {{model_sha256: {HASH}, components: {{}}, readers"),
    "review.model_sha256": ("", ""),
    "review.readers": (", readers: 2", ""),
    "review.blinded": (", blinded: true", ""),
    "review.carry_over": (", carry_over: rematch", ""),
    "artefacts.defaults.enter": ("enter: acquisition, ", ""),
    "artefacts.defaults.sham": ("same_shape_skin", "texture"),
    "artefacts.defaults.seed": (", seed: 7}\n", "}\n"),
    "artefacts.ruler.images": ("ruler: {<<: *a, images", "ruler: {<<: *a, kind: overlay, format: auto, images"),
    "artefacts.ink.images": ("ink: {<<: *a, images", "ink: {<<: *a, kind: overlay, format: auto, images"),
    "artefacts.patch": ("patch: {<<: *a, images", "patch: {<<: *a, kind: overlay, format: auto, images"),
    "controls.lesion_erased": (
        "controls:\n  lesion_erased: {kind: inpaint, region: lesion_mask, with: own_skin}\n",
        "",
    ),
    "gates.needs_lesion.control": ("metric: auroc, control: lesion_erased", "metric: lesion_erased_auroc"),
    "gates.not_worse": ("not_worse: {metric: decision_flips", "not_worse: {metric: flip_rate"),
    "gates.unexplained.metric": ("unadjudicated_relevance_share", "unread_relevance_share"),
    "baselines.predecessor.sha256": (', sha256: "5d..."', ""),
    "baselines.authorised.sha256": (', sha256: "e2..."', ""),
    "waivers[0].model_sha256": ('"9f1c..."', f'"{HASH}"'),
    "report.title_page": (", title_page: corp/title.html", ""),
    "report.clause_map": (", clause_map: [mdr, ai-act, fda]", ""),
    "report.audience": (", audience: board", ""),
}
"""Place of a fault -> what of the text becomes what, as its message says."""


def wished(tmp_path, text):
    path = tmp_path / "audit.yaml"
    path.write_text(text, encoding="utf-8")
    return load_spec(path, check_paths=False)


def test_every_message_leads_on_and_all_together_to_a_spec_that_loads(tmp_path, monkeypatch):
    monkeypatch.setenv("AUDIT_SALT", "a salt of 16 or more")
    text = WISHED.read_text(encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        wished(tmp_path, text)
    assert {fault.path for fault in caught.value.faults} == set(FOLLOWED)
    for before, after in FOLLOWED.values():
        assert before in text
        text = text.replace(before, after, 1)
    spec = wished(tmp_path, text).spec
    assert set(spec.gates) == {
        "missed", "missed_dark_skin", "false_alarm", "beyond_sham", "works_at_all", "needs_lesion", "seen", "not_worse",
        "unexplained",
    }  # fmt: skip
    assert {spec.artefacts[name].avoid for name in ("ruler", "ink", "patch", "hair", "gel_bubble")} == {"lesion_mask"}
    assert (spec.artefacts["device_swap"].avoid, spec.artefacts["red_skin"].avoid) == ("nothing", "nothing")
