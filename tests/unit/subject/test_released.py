"""Files that ship: loaded whatever their name, called as they must be, and refused where their answer means nothing."""

import hashlib
import sys

import pytest
import torch
from torch import nn

from auditlens.errors import IntegrityError, ModelError
from auditlens.spec.model import Model, Preprocessing, Released
from auditlens.store.folders import file_sha256
from auditlens.subject import load_subject
from auditlens.subject.released import load_released, opaque_subject
from tests.unit.subject.released_files import (
    SIDE,
    WRITERS,
    images,
    network,
    write_exported,
    write_onnx,
    write_torchscript,
)

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def described(path, *, resize=SIDE, output="logits", classes=("benign", "melanoma"), **options):
    """The spec's part for a file; torch.export archives are pinned, as they must be."""
    if "sha256" not in options and path.suffix == ".export":
        options["sha256"] = file_sha256(path)
    return Model(
        released=Released(file=path.name, **options),
        classes=classes,
        output=output,
        preprocessing=Preprocessing(resize=resize),
    )


def load(path, **options):
    return load_released(described(path, **options), path.parent)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One file of each format."""
    folder = tmp_path_factory.mktemp("released")
    return {kind: write(folder / f"net.{kind}") for kind, write in WRITERS.items()}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_answers_as_its_network(made, kind):
    released, batch = load(made[kind]), images(11)
    assert released.format == kind
    torch.testing.assert_close(released.logits(batch), network()(batch), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(released.probabilities(batch).sum(1), torch.ones(11))
    assert released.sha256 == file_sha256(made[kind])
    assert released.note == ""


@pytest.mark.parametrize("kind", WRITERS)
def test_the_format_is_told_by_the_content(made, kind, tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(made[kind].read_bytes())
    assert load(path, sha256=file_sha256(path)).format == kind


@pytest.mark.parametrize("kind", WRITERS)
def test_a_damaged_file_is_one_clear_error(made, kind, tmp_path):
    path = tmp_path / "model"
    path.write_bytes(made[kind].read_bytes()[:300])
    with pytest.raises(ModelError, match=r"cannot load the released file .* as |cannot read the ONNX file"):
        load(path, format=kind, sha256=file_sha256(path))


def test_weights_without_a_program_are_told_apart(tmp_path):
    path = tmp_path / "weights.pt"
    torch.save(network().state_dict(), path)
    with pytest.raises(ModelError, match=r"no exported program \(weights without a program go to `model.weights`"):
        load(path)


def test_a_text_is_no_model(tmp_path):
    path = tmp_path / "model.txt"
    path.write_text("weights")
    with pytest.raises(ModelError, match=r"no ONNX file, TorchScript or torch.export archive"):
        load(path)


def test_an_absent_file(tmp_path):
    with pytest.raises(ModelError, match=r"net.onnx does not exist"):
        load(tmp_path / "net.onnx")


def test_another_sha256_is_refused(made):
    with pytest.raises(IntegrityError, match=r"has SHA-256 .* the spec expects 0000"):
        load(made["onnx"], sha256="0" * 64)


def test_an_exported_program_must_be_pinned(made):
    with pytest.raises(ModelError, match=r"can run code .* \(give `model.released.sha256`"):
        load(made["export"], sha256=None)


@pytest.mark.parametrize("batch", [1, 4])
def test_a_fixed_number_of_images_per_call(tmp_path, batch):
    released = load(write_onnx(tmp_path / "net.onnx", batch=batch))
    assert (released.calling.fewest, released.calling.most) == (batch, batch)
    torch.testing.assert_close(released.logits(images(5)), network()(images(5)), rtol=1e-5, atol=1e-6)


def test_a_program_exported_for_one_image(tmp_path):
    released = load(write_exported(tmp_path / "net.export", batch=1))
    assert released.takes == "float32, 3 x 16 x 16, one image per call"
    torch.testing.assert_close(released.logits(images(3)), network()(images(3)), rtol=1e-5, atol=1e-6)


class ForOne(nn.Module):
    """Traced with its batch size baked in."""

    def forward(self, batch):
        return batch.mean((2, 3)).reshape(1, 3)[:, :2] * 4


def test_a_file_that_fails_on_two_images_is_asked_one_by_one(tmp_path):
    released = load(write_torchscript(tmp_path / "net.pt", ForOne(), batch=1))
    assert "fails on more" in released.note
    torch.testing.assert_close(released.logits(images(3)), images(3).mean((2, 3))[:, :2] * 4)


class OfTheBatch(nn.Module):
    """Normalises over the batch, as a norm that was exported in training mode does."""

    def forward(self, batch):
        pooled = batch.mean((2, 3))[:, :2]
        return (pooled - pooled.mean(0)) * 100 + pooled


def test_a_file_whose_answer_depends_on_the_batch_is_asked_one_by_one(tmp_path):
    released = load(write_torchscript(tmp_path / "net.pt", OfTheBatch()))
    assert "answers otherwise in a batch" in released.note
    torch.testing.assert_close(released.logits(images(3)), images(3).mean((2, 3))[:, :2])


class AtRandom(nn.Module):
    """Noise that eval mode cannot switch off."""

    def forward(self, batch):
        pooled = batch.mean((2, 3))[:, :2]
        return pooled + torch.randn_like(pooled)


def test_a_file_that_draws_at_random_is_refused(tmp_path):
    with pytest.raises(ModelError, match="it draws at random"):
        load(write_torchscript(tmp_path / "net.pt", AtRandom()))


def test_bytes_go_in_as_bytes(tmp_path):
    path = write_onnx(tmp_path / "net.onnx", bytes_in=True)
    released = load(path, preprocessing=Preprocessing(resize=SIDE, scale=1.0))
    batch = (images(3) * 255).round()
    assert released.calling.dtype is torch.uint8
    torch.testing.assert_close(released.logits(batch), network()(images(3)), rtol=1e-4, atol=1e-5)


def test_normalised_values_are_never_rounded_to_bytes(tmp_path):
    with pytest.raises(ModelError, match="takes uint8, but the preprocessing gives other values"):
        load(write_onnx(tmp_path / "net.onnx", bytes_in=True))


def test_colours_last(tmp_path):
    released = load(write_onnx(tmp_path / "net.onnx", channels_last=True, sides=(SIDE, SIDE, 3)))
    assert released.takes == "float32, 16 x 16 x 3, any number of images per call"
    torch.testing.assert_close(released.logits(images(3)), network()(images(3)), rtol=1e-5, atol=1e-6)


def test_another_size_than_the_file_takes(tmp_path):
    path = write_onnx(tmp_path / "net.onnx", sides=(3, 32, 32))
    with pytest.raises(ModelError, match="takes images of 3 x 32 x 32, the preprocessing gives 3 x 16 x 16"):
        load(path)


def test_another_type_than_the_file_takes(made):
    with pytest.raises(ModelError, match="takes float32, but the spec says `input_type: uint8`"):
        load(made["onnx"], input_type="uint8")


def test_the_output_of_several_is_named(tmp_path):
    path = write_onnx(tmp_path / "net.onnx", labels=True)
    with pytest.raises(ModelError, match=r"has 2 outputs \(n4, label\) \(name one in `model.released.output_name`"):
        load(path)
    assert load(path, output_name="n4").probabilities(images(2)).shape == (2, 2)
    with pytest.raises(ModelError, match="returns int64, labels perhaps"):
        load(path, output_name="label")
    with pytest.raises(ModelError, match="no output 'lable'; valid are n4, label; did you mean 'label'"):
        load(path, output_name="lable")


class Pair(nn.Module):
    """Returns features and scores."""

    def forward(self, batch):
        pooled = batch.mean((2, 3))
        return pooled, pooled[:, :2] * 3


def test_the_output_of_several_of_a_torchscript_is_named_by_its_place(tmp_path):
    path = write_torchscript(tmp_path / "net.pt", Pair())
    with pytest.raises(ModelError, match=r"returns 2 tensors \(0, 1\)"):
        load(path)
    torch.testing.assert_close(load(path, output_name="1").logits(images(2)), images(2).mean((2, 3))[:, :2] * 3)


def test_more_than_one_input_is_refused(tmp_path):
    path = write_onnx(tmp_path / "net.onnx", second_input=True)
    with pytest.raises(ModelError, match=r"takes 2 inputs \(images, age\); it needs one"):
        load(path)


def test_the_file_may_return_something_else_than_its_twin(tmp_path):
    path = write_onnx(tmp_path / "net.onnx", ending="Softmax")
    released = load(path, output="probabilities")
    torch.testing.assert_close(released.probabilities(images(3)), network()(images(3)).softmax(1))
    with pytest.raises(ModelError, match="`output: logits` is declared, but the outputs are probabilities"):
        load(path)


def test_as_many_outputs_as_classes(made):
    with pytest.raises(ModelError, match="2 outputs, but the spec names 3 classes"):
        load(made["onnx"], classes=("a", "b", "c"))


def test_weights_in_further_files_are_part_of_the_hash(tmp_path):
    path = write_onnx(tmp_path / "net.onnx", external=True)
    first = load(path)
    lines = "".join(f"{file_sha256(tmp_path / name)}  {name}\n" for name in ("net.onnx", "net.onnx.data"))
    assert first.data_files == ("net.onnx.data",)
    assert first.sha256 == hashlib.sha256(lines.encode()).hexdigest()
    graph = path.read_bytes()
    (tmp_path / "net.onnx.data").unlink()  # onnx would append to it
    write_onnx(path, network(1), external=True)
    assert path.read_bytes() == graph
    second = load(path)
    assert (second.sha256 != first.sha256, second.digest != first.digest) == (True, True)
    with pytest.raises(IntegrityError, match=r"sha256sum net.onnx net.onnx.data \| sha256sum"):
        load(path, sha256=first.sha256)


def test_weights_that_are_not_there(tmp_path):
    path = write_onnx(tmp_path / "net.onnx", external=True)
    (tmp_path / "net.onnx.data").unlink()
    with pytest.raises(ModelError, match=r"keeps weights in 'net.onnx.data', which does not exist"):
        load(path)


def test_weights_outside_the_folder_are_not_read(tmp_path):
    (tmp_path / "inner").mkdir()
    path = write_onnx(tmp_path / "inner" / "net.onnx", external=True)
    path.write_bytes(path.read_bytes().replace(b"net.onnx.data", b"../../net.dat"))
    with pytest.raises(ModelError, match=r"outside its folder, in '../../net.dat'"):
        load(path)


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_missing_package_is_named_with_its_remedy(made, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ModelError, match=rf"{package}, which is not installed \(pip install 'auditlens\[onnx\]'\)"):
        load(made["onnx"])


def test_the_digest_follows_everything_that_decides_the_answer(made, tmp_path):
    digests = {
        load(made["onnx"]).digest,
        load(made["torchscript"]).digest,
        load(write_onnx(tmp_path / "net.onnx", network(1))).digest,
        load(made["onnx"], resize=2 * SIDE).digest,
        load(made["onnx"], classes=("melanoma", "benign")).digest,
        load(made["onnx"], output="multi_label").digest,
    }
    assert len(digests) == 6
    assert load(made["onnx"]).digest in digests


def test_a_file_alone_behaves_and_has_no_inside(made):
    released = load(made["onnx"])
    subject = opaque_subject(released)
    assert (subject.layers, subject.architecture, subject.digest) == ((), "", released.digest)
    assert subject.n_parameters == sum(value.numel() for value in network().parameters()) + 1
    torch.testing.assert_close(subject.logits(images(3)), released.logits(images(3)))
    assert not subject.logits(images(1).requires_grad_()).requires_grad
    assert [name for name, _ in subject.module.named_modules()] == [""]


def test_without_an_architecture_there_is_no_eager_model(made):
    with pytest.raises(ModelError, match="no eager model to build"):
        load_subject(described(made["onnx"]), made["onnx"].parent)
