"""Whatever is wrong with the input: one clear error, exit code 2, nothing half-written.

By default the function behind the command is called, since each start of Python loads torch again; the long run starts
the installed command for every case.
"""

from __future__ import annotations

import pickle

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from tests.e2e.project import N_PER_CLASS, Project, brightness_weights, installed_call

CASES = {}
RED = {"kind": "tint", "colour": [231, 128, 151]}


def case(*said):
    """Register a way to break a project; the error must say all of `said`."""

    def register(breaking):
        CASES[breaking.__name__] = (breaking, said)
        return breaking

    return register


@case("spec.yaml:", "dataa: there is no such field", "did you mean 'data'?")
def a_misspelt_section(project):
    project.change({"dataa": {}})


@case("spec.yaml:", "decision.threshold", "high")
def a_wrong_type(project):
    project.change({"decision": {"threshold": "high"}})


@case("spec.yaml:", "gates", "at least one gate")
def no_gate(project):
    project.change({"gates": None})


@case("spec.yaml:", "classes.melanomma", "did you mean 'melanoma'?")
def a_class_that_the_model_lacks(project):
    project.change({"classes": {"melanomma": {"valid": []}}})


@case("spec.yaml:", "data.folder", "imagess", "did you mean 'images'?")
def no_image_folder(project):
    project.change({"data": {"folder": "imagess"}})


@case("1 of 30 image files do not exist", "table.csv:16", "15.png")
def a_missing_image(project):
    write_table(project, shift=1)


def write_table(project, shift=0, **columns):
    """A manifest of all pictures with further columns; `shift` is added to the number of one of them."""
    names = [(name, index) for name in ("benign", "melanoma") for index in range(N_PER_CLASS)]
    lines = [
        f"images/{name}/{index + shift * (place == N_PER_CLASS - 1):02d}.png,{name}"
        + "".join(f",{value}" for value in columns.values())
        for place, (name, index) in enumerate(names)
    ]
    header = ",".join(["image", "label", *columns])
    (project.folder / "table.csv").write_text("\n".join(["", header, *lines][1:]) + "\n")
    project.change({"data": None})
    project.change({"data": {"manifest": "table.csv"}})


@case("1 of 30 images cannot be decoded", "benign/03.png")
def an_image_cut_short(project):
    path = project.folder / "images/benign/03.png"
    path.write_bytes(path.read_bytes()[:900])


@case("2 of 30 images cannot be decoded", "benign/03.png", "melanoma/04.png")
def texts_named_as_images(project):
    for name in ("benign/03.png", "melanoma/04.png"):
        (project.folder / "images" / name).write_text("<html>404</html>")


@case("weights.safetensors has SHA-256", "the spec expects 0000")
def weights_of_another_hash(project):
    project.change({"model": {"sha256": "0" * 64}})


@case("does not fit the model", "0.weight is (5, 3, 3, 3) in the file")
def weights_of_another_architecture(project):
    save_file(brightness_weights(5), project.folder / "weights.safetensors")


@case("cannot read the weights file", "weights.pt", "state dicts saved by torch.save")
def weights_with_code_in_them(project):
    torch.save({"model": project, "weights": brightness_weights()}, project.folder / "weights.pt")
    project.change({"model": {"weights": "weights.pt"}})


@case("cannot read the weights file", "valid are safetensors")
def weights_that_are_a_plain_pickle(project):
    (project.folder / "weights.pt").write_bytes(pickle.dumps([1, 2]))
    project.change({"model": {"weights": "weights.pt"}})


@case("cannot read the weights file")
def weights_cut_short(project):
    path = project.folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-7])


@case("the model has no layer 'layer4'; valid are 1, 0")
def a_missing_layer(project):
    project.change({"model": {"layers": ["layer4"]}})


@case("torchvision has no model 'resnet19'", "did you mean 'resnet18'?")
def an_unknown_architecture(project):
    project.change({"model": {"architecture": "torchvision:resnet19"}})


@case("module 'tiny_network' has no function 'biuld'; did you mean 'build'?")
def a_misspelt_factory(project):
    project.change({"model": {"architecture": "python:tiny_network:biuld"}})


@case("cannot import 'large_network'")
def a_missing_module(project):
    project.change({"model": {"architecture": "python:large_network:build"}})


@case("cannot be built", "RuntimeError: the factory wants a licence key")
def a_factory_that_raises(project):
    project.change({"model": {"architecture": "python:tiny_network:raising"}})


@case("cannot be built", "SystemExit")
def a_factory_that_leaves(project):
    project.change({"model": {"architecture": "python:tiny_network:leaving"}})


@case("gave str, not a torch.nn.Module")
def a_factory_of_something_else(project):
    project.change({"model": {"architecture": "python:tiny_network:no_module"}})


@case("the model's output on a trial image is not finite")
def a_model_of_nan(project):
    project.tamper("nan")


@case("not finite for benign/03.png")
def a_model_that_fails_for_one_image(project):
    project.tamper("nan_for_one")
    path = project.folder / "images/benign/03.png"
    image = Image.open(path)
    image.putpixel((0, 0), (0, 0, 0))
    image.save(path)


@case("not finite for an image with an artefact")
def a_model_that_fails_with_an_artefact(project):
    project.tamper("nan_for_one")
    project.change({"artefacts": {"red_skin": {**RED, "colour": [0, 0, 0], "strength": [1.0, 1.0], "sham": "none"}}})


@case("the model has 2 outputs, but the spec names 3 classes")
def too_few_outputs(project):
    project.change({"model": {"classes": ["benign", "melanoma", "naevus"]}})


@case("artefacts.red_skin.column: table.csv has no further column 'has_red'", "did you mean 'has_reds'?")
def a_missing_column_of_an_artefact(project):
    write_table(project, has_reds=0)
    project.change({"artefacts": {"red_skin": {**RED, "column": "has_red"}}})


@case("concepts.red.column: table.csv has no further column 'has_red'", "did you mean 'has_reds'?")
def a_missing_column_of_a_concept(project):
    write_table(project, has_reds=0)
    project.change({"concepts": {"red": {"texts": ["red skin"], "column": "has_red"}}})


@case("concepts.red.column: 'age' is no 0/1 column, it holds 37")
def a_column_that_is_no_flag(project):
    write_table(project, age=37)
    project.change({"concepts": {"red": {"texts": ["red skin"], "column": "age"}}})


@case("spec.yaml:", "artefacts.ruler.images", "there is no folder")
def no_artefact_folder(project):
    project.change({"artefacts": {"red_skin": RED, "ruler": {"kind": "overlay", "images": "r", "format": "rgba"}}})


@case("artefacts.ruler: ", "no artefact pictures here; valid is a folder")
def an_empty_artefact_folder(project):
    (project.folder / "rulers").mkdir()
    project.change({"artefacts": {"red_skin": RED, "ruler": {"kind": "overlay", "images": "rulers", "format": "rgba"}}})


@case("clip has no open_clip_config.json")
def a_foundation_folder_without_config(project):
    (project.folder / "clip").mkdir()
    project.change({"foundation": {"model": "local-dir:clip"}, "concepts": {"red": {"texts": ["red"]}}})


@case("is not empty and is no run folder", "name a new or empty folder")
def an_out_folder_of_somebody_else(project):
    project.out.mkdir()
    (project.out / "thesis.txt").write_text("mine")


@pytest.mark.parametrize("name", CASES)
def test_one_clear_error(name, tmp_path):
    assert_told(name, tmp_path, installed=False)


@pytest.mark.long
@pytest.mark.parametrize("name", CASES)
def test_one_clear_error_of_the_installed_command(name, tmp_path):
    assert_told(name, tmp_path, installed=True)


def assert_told(name, folder, *, installed):
    breaking, said = CASES[name]
    project = Project(folder)
    breaking(project)
    told = project.told(installed=installed)
    for part in said:
        assert part in told


def test_the_installed_command_tells_a_corrupt_image(tmp_path):
    assert_told("an_image_cut_short", tmp_path, installed=True)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"], ["validate", "--help"]])
def test_light_calls_of_the_installed_command(arguments, tmp_path):
    done = installed_call(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_validate_reads_the_spec_alone(tmp_path):
    project = Project(tmp_path)
    project.tamper("nan")
    done = installed_call("validate", str(project.spec))
    assert done.returncode == 0
    assert all(": warning: " in line for line in done.stderr.splitlines())
