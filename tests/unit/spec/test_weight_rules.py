"""What a safetensors header rules out: misspelt layers and a wrong number of classes; and what it cannot know."""

import json
import struct

import pytest
import torchvision
from safetensors.torch import save_file
from torch import nn

from auditlens.errors import SpecError
from auditlens.spec.load import load_spec
from auditlens.spec.weight_rules import check_weights, misspelt, read_shapes

RESNET = torchvision.models.resnet18(num_classes=2)


def parts_of(module):
    names = (name.rpartition(".")[0] for name in module.state_dict())
    steps = [name.split(".") for name in names]
    return frozenset(".".join(step[:n]) for step in steps for n in range(1, len(step) + 1))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("layr4.1", "layer4.1"),
        ("layer5", "layer4"),
        ("layer5.1", "layer4.1"),
        ("layer4.1.conv22", "layer4.1.conv2"),
        ("layr4.1.cnv2", "layer4.1.conv2"),
    ],
)
def test_a_misspelt_layer_gets_its_nearest_match(written, meant):
    assert misspelt(written, parts_of(RESNET)) == meant


@pytest.mark.parametrize(
    "name", ["resnet18", "vgg11_bn", "mobilenet_v3_small", "densenet121", "convnext_tiny", "vit_b_32", "swin_t"]
)
def test_no_name_of_a_real_network_is_called_misspelt(name):
    """Also those of ReLUs and poolings, which the header does not have."""
    module = torchvision.models.get_model(name, weights=None)
    parts = parts_of(module)
    assert [part for part, _ in module.named_modules() if part and misspelt(part, parts)] == []


@pytest.fixture
def told(tmp_path):
    for name in ("benign", "melanoma"):
        (tmp_path / "images" / name).mkdir(parents=True)

    def faults(state=None, **model):
        if state is not None:
            save_file(state, tmp_path / "net.safetensors")
        described = {
            "architecture": "torchvision:resnet18",
            "weights": "net.safetensors",
            "classes": ["benign", "melanoma"],
        }
        document = {
            "auditlens": 1,
            "audit": {"id": "W-1"},
            "model": described | model,
            "data": {"folder": "images"},
            "decision": {"class": "melanoma", "threshold": 0.5},
            "gates": {"works": {"metric": "sensitivity", "limit": ">= 0.9"}},
        }
        (tmp_path / "spec.yaml").write_text(json.dumps(document, indent=1))
        try:
            found = load_spec(tmp_path / "spec.yaml", checks=(check_weights,)).warnings
        except SpecError as error:
            found = error.faults
        return [(fault.severity, fault.path, fault.message) for fault in found]

    return faults


def test_layers_are_told_where_they_stand(told):
    state = RESNET.state_dict()
    assert told(state, layers=["auto", "layer4.1", "layer*", "layer4.1.relu", "avgpool"]) == []
    (fault,) = told(state, layers=["layer3", "layr4.1"])
    assert fault == ("error", "model.layers[1]", "the weights have no part 'layr4.1'; did you mean 'layer4.1'?")
    (fault,) = told(state, layers="layr4")
    assert fault[1] == "model.layers"
    (fault,) = told(state, silenced=["layer4.1:3", "leyer4.1:7-"])
    assert fault[1] == "model.silenced[1]" and "'layer4.1'" in fault[2]


def test_a_common_prefix_is_no_part_of_the_names(told):
    state = {f"module.{name}": value for name, value in RESNET.state_dict().items()}
    assert told(state, layers="layer4.1") == []
    assert told(state, layers="layr4.1")[0][2].endswith("did you mean 'layer4.1'?")


def test_of_a_network_of_your_own_nothing_is_sure(told):
    (fault,) = told(RESNET.state_dict(), architecture="python:nets:build", layers="layer4.1.convv2")
    assert fault[0] == "warning"


@pytest.mark.parametrize(
    "name", ["resnet18", "vgg11", "mobilenet_v3_small", "squeezenet1_1", "swin_t", "convnext_tiny"]
)
def test_the_number_of_classes(told, name):
    state = torchvision.models.get_model(name, weights=None, num_classes=3).state_dict()
    (fault,) = told(state, architecture=f"torchvision:{name}")
    assert fault[:2] == ("error", "model.classes") and "2 classes" in fault[2] and "3 outputs" in fault[2]
    assert told(state, architecture=f"torchvision:{name}", classes=["a", "b", "melanoma"]) == []
    assert told(state, architecture=f"torchvision:{name}", arguments={"num_classes": 3}) == []
    assert told(state, architecture="python:nets:build") == []


def test_a_single_logit_is_one_output(told):
    state = nn.ModuleDict({"conv1": nn.Conv2d(3, 4, 3), "fc": nn.Linear(4, 1)}).state_dict()
    assert told(state, output="single_logit") == []
    assert "2 classes" in told(state)[0][2]


@pytest.mark.parametrize(
    "raw",
    [b"", b"x", b"\0" * 8, struct.pack("<Q", 2**60), struct.pack("<Q", 4) + b"[[[[", struct.pack("<Q", 2) + b"[]",
     struct.pack("<Q", 7) + b'{"a":1}', struct.pack("<Q", 200_000) + b"[" * 200_000],
)  # fmt: skip
def test_what_is_no_safetensors_file_is_told(told, tmp_path, raw):
    (tmp_path / "net.safetensors").write_bytes(raw)
    (fault,) = told()
    assert fault[1] == "model.weights" and "is no safetensors file" in fault[2]


def test_other_files_are_not_looked_into(told, tmp_path):
    (tmp_path / "net.pt").write_bytes(b"anything")
    assert told(weights="net.pt", layers="layr4") == []
    assert read_shapes(tmp_path / "net.pt") == {}
