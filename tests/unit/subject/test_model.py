import re

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from auditlens.errors import InputError, IntegrityError, LayerError, ModelError
from auditlens.spec.model import Preprocessing, ReferencePrediction
from auditlens.store.folders import file_sha256
from auditlens.subject import activations, check_references, load_subject
from auditlens.subject.model import read_classes

from .conftest import SMALL, model, save


def test_a_subject_is_frozen_and_described(base):
    subject = load_subject(model(), base)
    assert not subject.module.training
    assert not any(parameter.requires_grad for parameter in subject.module.parameters())
    assert subject.random_weights
    assert subject.weights_sha256 is None
    assert subject.n_parameters == 3 * 5 * 9 + 5 + 10 + 12
    assert subject.input_shape == (3, 16, 16)
    assert subject.layers[0].name == "features.2"
    assert subject.layer("features.2").n_components == 5


def test_random_weights_are_the_same_every_time_and_leave_the_seed_alone(base):
    torch.manual_seed(5)
    one = load_subject(model(), base)
    drawn = torch.rand(1)
    two = load_subject(model(), base)
    assert one.digest == two.digest
    torch.manual_seed(5)
    assert torch.equal(torch.rand(1), drawn)


def test_predictions(base):
    subject = load_subject(model(), base)
    batch = subject.prepare(np.zeros((20, 20, 3), dtype=np.uint8))[None].repeat(3, 1, 1, 1)
    assert subject.logits(batch).shape == (3, 2)
    torch.testing.assert_close(subject.probabilities(batch).sum(1), torch.ones(3))
    maps = activations(subject, ("features.0", "features.2"), batch)
    assert maps["features.2"].shape == (3, 5, 14, 14)
    assert maps["features.2"].min() >= 0


@pytest.mark.parametrize(
    ("ending", "n_out", "output"),
    [
        ("softmax", 2, "probabilities"),
        ("sigmoid", 1, "probabilities"),
        ("logits", 1, "single_logit"),
        ("flat", 1, "single_logit"),
    ],
)
def test_every_kind_of_output_gives_two_classes(base, ending, n_out, output):
    subject = load_subject(model(arguments={"ending": ending, "n_out": n_out}, output=output), base)
    batch = torch.rand(2, 3, 16, 16)
    raw = subject.module(batch).reshape(2, -1)
    positive = raw.sigmoid() if output == "single_logit" else raw
    torch.testing.assert_close(subject.probabilities(batch)[:, 1], positive[:, -1])


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"arguments": {"n_out": 3}}, ModelError, "3 outputs, but the spec names 2 classes"),
        ({"arguments": {"ending": "pair"}}, ModelError, "returns tuple"),
        ({"arguments": {"ending": "softmax"}}, ModelError, "are probabilities"),
        ({"arguments": {"depth": 3}}, ModelError, r"arguments: depth\): TypeError"),
        ({"architecture": "python:small_net_x:smal"}, ModelError, "did you mean 'small'"),
        ({"architecture": "python:small_net_x:no_module"}, ModelError, "gave int, not a torch.nn.Module"),
        ({"architecture": "python:absent_net_x:f"}, ModelError, "cannot import 'absent_net_x'"),
        ({"architecture": "torchvision:resnet19"}, ModelError, "did you mean 'resnet1[0-9]'"),
        ({"architecture": "timm:resnet10tt"}, ModelError, "did you mean 'resnet10t'"),
        ({"architecture": "torchvision:resnet18", "arguments": {"weights": "DEFAULT"}}, ModelError, "download"),
        ({"layers": ("features.9",)}, LayerError, "features.2"),
        ({"preprocessing": Preprocessing(resize=2)}, ModelError, "does not run on an input of 3 x 2 x 2"),
        ({"preprocessing": Preprocessing(callable="small_net_x:no_tensor")}, ModelError, "C x H x W"),
        ({"weights": "absent.pt"}, ModelError, "does not exist"),
    ],
)
def test_what_does_not_fit_is_said(base, changes, error, words):
    with pytest.raises(error, match=words):
        load_subject(model(**changes), base)


def test_an_absent_device_is_said(base):
    with pytest.raises(ModelError, match="'warp' cannot be used"):
        load_subject(model(), base, device="warp")


def test_torchvision_takes_the_number_of_classes(base):
    changes = {"architecture": "torchvision:squeezenet1_1", "import_path": None, "classes": ("a", "b", "c")}
    subject = load_subject(model(**changes, preprocessing=Preprocessing(resize=64)), base)
    assert subject.logits(torch.rand(1, 3, 64, 64)).shape == (1, 3)


def test_preprocessing_by_a_function(base):
    subject = load_subject(model(preprocessing=Preprocessing(callable="small_net_x:prepare")), base)
    image = Image.new("RGB", (30, 20), (255, 0, 0))
    assert subject.prepare(image)[:, 0, 0].tolist() == [1.0, 0.0, 0.0]


def test_a_function_is_cited_with_its_source_and_may_be_pinned_to_it(base):
    source = file_sha256(base / "small_net_x.py")
    plain = load_subject(model(preprocessing=Preprocessing(callable="small_net_x:prepare")), base)
    assert f"small_net_x:prepare (source {source[:12]})" in plain.preprocessing
    pinned = {"callable": "small_net_x:prepare", "sha256": source}
    assert load_subject(model(preprocessing=Preprocessing(**pinned)), base).digest == plain.digest
    pinned["sha256"] = "0" * 64
    with pytest.raises(IntegrityError, match=f"small_net_x:prepare has SHA-256 {source}, the spec expects 0000"):
        load_subject(model(preprocessing=Preprocessing(**pinned)), base)
    with pytest.raises(ValidationError, match="there is no callable"):
        Preprocessing(sha256=source)


def test_the_digest_follows_everything_that_decides_outputs(base):
    save(load_subject(model(), base).module, base / "w.safetensors")
    digests = {
        load_subject(model(**changes), base).digest
        for changes in (
            {},
            {"weights": "w.safetensors"},
            {"classes": ("melanoma", "benign")},
            {"preprocessing": Preprocessing(resize=17)},
            {"preprocessing": Preprocessing(callable="small_net_x:prepare")},
        )
    }
    (base / "small_net_x.py").write_text((base / "small_net_x.py").read_text() + "\n# changed\n")
    digests.add(load_subject(model(), base).digest)
    assert len(digests) == 6
    assert load_subject(model(layers=("features.0",)), base).digest in digests


@pytest.fixture
def references(base):
    Image.new("RGB", (20, 20), (200, 90, 30)).save(base / "x.png")
    (base / "data").mkdir()
    Image.new("RGB", (20, 20), (10, 90, 30)).save(base / "data" / "y.png")
    subject = load_subject(model(), base)
    images = {"x.png": base / "x.png", "y.png": base / "data" / "y.png"}
    found = {
        name: subject.probabilities(subject.prepare(Image.open(path))[None])[0].tolist()
        for name, path in images.items()
    }
    return subject, found


def said(**by_image):
    return tuple(ReferencePrediction(image=f"{name}.png", probabilities=values) for name, values in by_image.items())


def test_references_that_agree(base, references):
    subject, found = references
    expected = said(x={"benign": found["x.png"][0] + 5e-4}, y={"melanoma": found["y.png"][1]})
    gap, n = check_references(subject, model(reference_predictions=expected), base, base / "data")
    assert gap == pytest.approx(5e-4)
    assert n == 2
    assert check_references(subject, model(), base, None) == (None, 0)


def test_references_that_do_not_agree(base, references):
    subject, found = references
    wrong = {"benign": 1 - found["x.png"][0] / 3, "melanoma": found["x.png"][0] / 3}
    with pytest.raises(IntegrityError) as caught:
        check_references(subject, model(reference_predictions=said(x=wrong)), base, None)
    text = str(caught.value)
    for part in ("x.png", f"{wrong['benign']:.4f}", f"{found['x.png'][0]:.4f}", "preprocessing", "0.001"):
        assert part in text
    swapped = {"benign": found["x.png"][1], "melanoma": found["x.png"][0]}
    with pytest.raises(IntegrityError, match="reverse order it agrees"):
        check_references(subject, model(reference_predictions=said(x=swapped)), base, None)


def test_references_need_their_image_and_class(base, references):
    subject, _ = references
    with pytest.raises(InputError, match=re.escape(str(base / "data" / "z.png"))):
        check_references(subject, model(reference_predictions=said(z={"benign": 0.5})), base, base / "data")
    with pytest.raises(ModelError, match="did you mean 'melanoma'"):
        check_references(subject, model(reference_predictions=said(x={"melanom": 0.5})), base, None)


def test_class_files(tmp_path):
    path = tmp_path / "classes.txt"
    path.write_text("﻿melanoma, in situ\n\n  naevus \n", encoding="utf-8")
    assert read_classes("classes.txt", tmp_path) == ("melanoma, in situ", "naevus")
    path.write_text("n01440764 tench, Tinca tinca\nn02112018 Pomeranian\n")
    assert read_classes("classes.txt", tmp_path) == ("n01440764 tench", "n02112018 Pomeranian")


@pytest.mark.parametrize(("text", "words"), [("a\na\nb\n", "'a' is listed twice"), ("a\n", "at least two classes")])
def test_class_files_that_are_refused(tmp_path, text, words):
    (tmp_path / "classes.txt").write_text(text)
    with pytest.raises(ModelError, match=words):
        read_classes("classes.txt", tmp_path)
    with pytest.raises(ModelError, match="does not exist"):
        read_classes("absent.txt", tmp_path)


def test_the_default_preparation_is_used(base):
    assert load_subject(model(), base).prepare(Image.new("RGB", (9, 9))).shape == (3, SMALL.resize, SMALL.resize)
