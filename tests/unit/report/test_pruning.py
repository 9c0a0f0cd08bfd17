"""The spec and the card of a pruned model."""

import pytest
import yaml

from auditlens.report.pruning import card_text, gate_changes, gate_table, header, included, pruned_spec
from auditlens.spec.load import load_spec
from auditlens.stages.estimate import Estimate
from auditlens.stages.pruning import Judged, Pruned, SilencedComponent
from auditlens.stages.states import ComponentState, GateState


def pruned(**more):
    judged = Judged(
        class_name="melanoma", state=ComponentState.SPURIOUS, label="ruler|cm",
        relevance=Estimate(value=0.043, low=0.04, high=0.046), direction=0.02,
    )  # fmt: skip
    components = (
        SilencedComponent(id="f:3", layer="f", index=3, by="weights", judged=(judged,)),
        SilencedComponent(id="g:7-", layer="g", index=15, by="hook", judged=()),
    )
    fields = {
        "audit_id": "X-1", "record_sha256": "a" * 64, "components": components, "inherited": (),
        "original_sha256": "b" * 64, "weights_sha256": "c" * 64, "n_images": 32, "gap": 2e-7, "file_gap": None,
        "moved": 1.25, "warnings": ("Mind this.",),
    }  # fmt: skip
    return Pruned(**(fields | more))


def test_the_card_says_what_was_done_and_how_it_was_checked():
    text = card_text(pruned())
    assert f"record with SHA-256 `{'a' * 64}`" in text
    assert "| f:3 | melanoma | spurious | ruler\\|cm | 4.3 % (4.0 to 4.6 %) | towards | its weights |" in text
    assert "| g:7- | | not examined in the record | | | | a hook |" in text
    assert "By weights: 1." in text and "By hooks: 1." in text
    assert "on 32 images of the audited data: largest difference of a logit 2e-07" in text
    assert "without hooks" not in text
    assert "- Mind this." in text and "Pruning alone hardly helped in the paper" in text
    assert "Gates before and after" not in text


def test_the_card_of_folded_components_gives_the_gap_of_the_file_alone():
    folded = pruned(components=pruned().components[:1], file_gap=0.0, inherited=("f:9",))
    text = card_text(folded, "| gate |")
    assert "The weights file alone, without hooks: 0." in text
    assert "By hooks" not in text
    assert "Silenced before already, and still: f:9." in text
    assert text.endswith("## Gates before and after\n\n| gate |\n")


@pytest.fixture
def source(tmp_path):
    """A spec with relative paths, a variable, a released file, reference predictions and a waiver."""
    folder = tmp_path / "specs"
    (folder / "images").mkdir(parents=True)
    for name in ("net.onnx", "net.safetensors", "known.png"):
        (folder / name).touch()
    document = {
        "auditlens": 1,
        "audit": {"id": "X-1", "title": "A title"},
        "model": {
            "architecture": "timm:resnet10t", "weights": "${var:NET}.safetensors", "classes": ["benign", "melanoma"],
            "released": {"file": "net.onnx"},
            "reference_predictions": [{"image": "known.png", "probabilities": {"melanoma": 0.5}}],
        },
        "data": {"folder": "images"},
        "decision": {"class": "melanoma", "threshold": 0.5},
        "protocol": {"lock": "x.lock", "looks": "looks.jsonl"},
        "gates": {"works": {"metric": "sensitivity", "limit": ">= 0.5"}},
        "waivers": [
            {
                "gate": "works", "owner": "j", "approved_by": "k", "reason": "a good one, written down",
                "expires": "2030-01-01", "bound": ">= 0.4", "model_sha256": "d" * 64,
            }
        ],
    }  # fmt: skip
    (folder / "audit.yaml").write_text(yaml.safe_dump(document))
    return load_spec(folder / "audit.yaml", {"NET": "net"})


@pytest.mark.parametrize("place", ["out", "specs/deep/er"])
def test_the_spec_is_valid_and_its_paths_resolve(tmp_path, source, place):
    folder = tmp_path / place
    folder.mkdir(parents=True)
    (folder / "pruned.safetensors").touch()
    text = header(pruned(), {"NET": "net"}) + pruned_spec(source, folder, ["layer4:3", "layer4:7"], "c" * 64)
    (folder / "pruned.yaml").write_text(text)
    assert "# Audit it again with: auditlens run pruned.yaml --var NET=net" in text
    loaded = load_spec(folder / "pruned.yaml", {"NET": "net"})
    model = loaded.spec.model
    assert (model.weights, model.sha256, model.silenced) == ("pruned.safetensors", "c" * 64, ("layer4:3", "layer4:7"))
    assert (model.released, model.reference_predictions, loaded.spec.waivers) == (None, (), ())
    assert loaded.spec.audit.id == "X-1-pruned"
    assert (loaded.base / loaded.spec.data.folder).resolve() == (tmp_path / "specs" / "images").resolve()
    assert loaded.spec.gates == source.spec.gates
    protocol = loaded.spec.protocol
    assert (loaded.base / protocol.lock).resolve() == folder.resolve() / "pruned.lock"
    assert (loaded.base / protocol.looks).resolve() == (tmp_path / "specs").resolve() / "looks.jsonl"


def test_weights_in_a_folder_stay_there(tmp_path, source):
    document = yaml.safe_load(pruned_spec(source, tmp_path, ["layer4:3"], None))
    assert "weights" not in document["model"] and "sha256" not in document["model"]


def test_a_link_on_the_way_makes_the_path_absolute(tmp_path):
    (tmp_path / "real" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real" / "deep")
    spec = tmp_path / "audit.yaml"
    assert included(spec, tmp_path / "real") == "../audit.yaml"
    assert included(spec, tmp_path / "link") == str(spec)


def test_gates_stand_side_by_side(record):
    first = record.verdict.gates[0]
    better = first.model_copy(update={"state": GateState.HOLDS, "waived": False, "estimate": Estimate(value=0.25)})
    extra = better.model_copy(update={"gate": better.gate.model_copy(update={"id": "new"}), "estimate": None})
    gates = (better, *record.verdict.gates[2:], extra)
    after = record.model_copy(update={"verdict": record.verdict.model_copy(update={"gates": gates})})
    rows = {name: (here, there) for name, here, there in gate_changes(record, after)}
    assert len(rows) == len(record.verdict.gates) + 1
    assert rows[first.gate.id][1] == "holds (0.25)"
    assert rows[record.verdict.gates[1].gate.id][1] == ""
    assert rows["new"] == ("", "holds")
    assert gate_table(record, after).count("\n") == len(rows) + 1
