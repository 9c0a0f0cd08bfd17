"""The file that ships, as a spec names it: told before torch is loaded."""

import pytest
import yaml

from auditlens.errors import SpecError
from auditlens.spec.load import load_spec

ALONE = {"released": {"file": "net.onnx"}, "classes": ["benign", "melanoma"]}


@pytest.fixture
def write(tmp_path):
    (tmp_path / "net.onnx").touch()
    (tmp_path / "net.safetensors").touch()
    (tmp_path / "test.csv").touch()

    def write_spec(model):
        document = {
            "auditlens": 1,
            "audit": {"id": "X"},
            "model": model,
            "data": {"manifest": "test.csv"},
            "gates": {"works": {"metric": "sensitivity", "class": "melanoma", "limit": ">= 0.5"}},
        }
        path = tmp_path / "spec.yaml"
        path.write_text(yaml.safe_dump(document))
        return path

    return write_spec


def said(path):
    with pytest.raises(SpecError) as caught:
        load_spec(path)
    return str(caught.value)


def test_a_file_alone_is_enough(write):
    model = load_spec(write(ALONE)).spec.model
    assert (model.architecture, model.released.file, model.released.tolerance) == (None, "net.onnx", 1e-3)


def test_a_file_with_its_eager_twin(write):
    twin = {"architecture": "timm:resnet10t", "weights": "net.safetensors"}
    assert load_spec(write(ALONE | twin)).spec.model.weights == "net.safetensors"


def test_something_must_be_audited(write):
    assert "name an `architecture`, or the file that ships in `released`, or both" in said(
        write({"classes": ["a", "b"]})
    )


@pytest.mark.parametrize(
    "fields", [{"weights": "net.safetensors"}, {"arguments": {"width": 3}}, {"layers": ["1"]}, {"sha256": "0" * 64}]
)
def test_what_speaks_of_a_twin_needs_an_architecture(write, fields):
    (name,) = fields
    assert f"{name}: these speak of the eager twin, which needs an `architecture`" in said(write(ALONE | fields))


def test_a_file_that_is_not_there(write):
    text = said(write(ALONE | {"released": {"file": "net.onx"}}))
    assert "model.released.file: there is no file" in text
    assert "did you mean 'net.onnx'" in text


def test_an_included_path_moves_with_the_spec(write, tmp_path):
    write(ALONE)
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "own.yaml").write_text("auditlens: 1\ninclude: [../spec.yaml]\n")
    assert load_spec(tmp_path / "below" / "own.yaml").spec.model.released.file == "../net.onnx"


def test_file_and_twin_decide_in_the_same_way(write):
    released = {"file": "net.onnx", "output": "probabilities"}
    assert load_spec(write(ALONE | {"released": released})).spec.model.released.output == "probabilities"
    wrong = ALONE | {"released": released, "output": "multi_label"}
    assert "`output: multi_label` and `released.output: probabilities` decide in different ways" in said(write(wrong))
