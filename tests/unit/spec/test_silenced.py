"""`model.silenced`, as far as a spec can be judged without the model."""

import pytest
import yaml

from auditlens.errors import SpecError
from auditlens.spec.load import load_spec


@pytest.fixture
def write(tmp_path):
    (tmp_path / "net.onnx").touch()
    (tmp_path / "test.csv").touch()

    def write_spec(**model):
        path = tmp_path / "spec.yaml"
        document = {
            "auditlens": 1,
            "audit": {"id": "X"},
            "model": {"architecture": "timm:resnet10t", "classes": ["benign", "melanoma"], **model},
            "data": {"manifest": "test.csv"},
            "gates": {"works": {"metric": "sensitivity", "class": "melanoma", "limit": ">= 0.5"}},
        }
        path.write_text(yaml.safe_dump(document, sort_keys=False))
        return path

    return write_spec


def said(path):
    with pytest.raises(SpecError) as caught:
        load_spec(path)
    return str(caught.value)


def test_names_are_kept_in_order(write):
    assert load_spec(write(silenced=["layer4:7-", "layer4:3"])).spec.model.silenced == ("layer4:7-", "layer4:3")


@pytest.mark.parametrize(
    ("silenced", "words"),
    [
        (["layer4:3", "layer4"], "'layer4' is no component; write layer:channel"),
        (["layer4:3", "layer4:3"], "'layer4:3' is listed twice"),
    ],
)
def test_other_forms_are_told_with_their_place(write, silenced, words):
    path = write(silenced=silenced)
    line = next(n for n, text in enumerate(path.read_text().splitlines(), 1) if "silenced:" in text)
    assert words in said(path)
    assert f"spec.yaml:{line}" in said(path) or f"spec.yaml:{line + 1}" in said(path)


def test_the_file_that_ships_cannot_be_silenced(write):
    assert "cannot be silenced; take `released` out" in said(
        write(silenced=["layer4:3"], released={"file": "net.onnx"})
    )


def test_a_file_alone_has_no_components(write):
    path = write(silenced=["layer4:3"], released={"file": "net.onnx"}, architecture=None)
    assert "silenced: these speak of the eager twin" in said(path)
