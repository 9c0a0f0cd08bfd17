"""Keys of stored results change with everything that the result depends on."""

import pytest
from PIL import Image
from safetensors.torch import save_file

from auditlens.stages.base import canonical_json
from tests.e2e.project import brightness_weights


def key(context):
    return canonical_json(context.key(stage="x"))


def other_image(project):
    Image.new("RGB", (64, 64)).save(project.folder / "images/benign/00.png")


def other_label(project):
    (project.folder / "images/benign/00.png").rename(project.folder / "images/melanoma/99.png")


def other_weights(project):
    weights = brightness_weights()
    weights["4.bias"] += 1
    save_file(weights, project.folder / "weights.safetensors")


def other_code(project):
    path = project.folder / "tiny_network.py"
    path.write_text(path.read_text() + "\nCHANGED = True\n")


def other_part(project):
    """A class of the model from another file than the factory's."""
    (project.folder / "tiny_part.py").write_text("from torch import nn\n\n\nclass Act(nn.ReLU):\n    pass\n")
    path = project.folder / "tiny_network.py"
    path.write_text("from tiny_part import Act\n" + path.read_text().replace("nn.ReLU()", "Act()"))


def other_preprocessing(project):
    project.change({"model": {"preprocessing": {"resize": 32}}})


def other_seed(project):
    project.change({"seed": 5})


@pytest.mark.parametrize(
    "change", [other_image, other_label, other_weights, other_code, other_preprocessing, other_seed]
)
def test_the_key_changes_with(project, make_context, change):
    before = key(make_context())
    assert key(make_context()) == before
    change(project)
    assert key(make_context()) != before


def test_the_key_changes_with_the_batch_size(make_context):
    assert key(make_context(batch_size=8)) != key(make_context())


def test_the_key_does_not_change_with_what_decides_no_output(project, make_context):
    before = key(make_context())
    project.change({"audit": {"title": "Another title"}, "gates": {"works": {"limit": ">= 0.6", "metric": "auroc"}}})
    assert key(make_context()) == before


def test_steps_are_told_as_differences(make_context):
    context = make_context()
    tell = context.told()
    for done in (4, 8, 9):
        tell(done, 9)
    assert context.progress.steps == 9


def test_pixels_and_layers(make_context):
    context = make_context()
    assert context.load(0).shape == (64, 64, 3)
    assert context.layer_names() == ("1",)
    assert context.chunk_size == 16


def test_the_key_changes_with_the_file_of_a_part(project, make_context):
    other_part(project)
    before = key(make_context())
    path = project.folder / "tiny_part.py"
    path.write_text(path.read_text().replace("pass", "slope = 1"))
    assert key(make_context()) != before
