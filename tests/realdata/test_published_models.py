"""The subject and data rooms on published models and real images."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from auditlens.data.index import read_index
from auditlens.data.loader import batches
from auditlens.data.sample import DataIndex
from auditlens.data.verification import verify_images
from auditlens.spec.model import Data, Model, Preprocessing
from auditlens.store import Store
from auditlens.subject import Subject, load_subject

HERE = Path(__file__).parent
DATA = HERE.parents[1] / ".." / "shared" / "data"
pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"the shared real data is not at {DATA}"),
]
NEVUS = DATA / "models" / "nevus"
SQUEEZENET = DATA / "models" / "squeezenet1_1"


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def probabilities(subject: Subject, index: DataIndex, rows) -> np.ndarray:
    with torch.inference_mode():
        parts = [subject.probabilities(batch).numpy() for _, batch in batches(index, rows, subject.prepare, 16)]
    return np.concatenate(parts)


@pytest.fixture(scope="module")
def nevus() -> Subject:
    model = Model(
        architecture="python:nevus_model:nevus",
        import_path=".",
        arguments={"arch": str(NEVUS / "arch.json")},
        weights=str(NEVUS / "torch_state.safetensors"),
        sha256="9941a2dbe490006e607e810358429ba2595dc8824e8c418997121d8da9cb95b4",
        preprocessing=Preprocessing(resize=224, mode="centre_square", scale=1 / 127.5, mean=(1, 1, 1)),
        classes=("Melanoma", "Lunar"),
    )
    return load_subject(model, HERE)


def test_nevus_loads_strictly_and_its_last_map_is_found(nevus):
    assert {name for name in nevus.module.state_dict() if not name.endswith("num_batches_tracked")} == set(
        load_file(NEVUS / "torch_state.safetensors")
    )
    (layer,) = nevus.layers
    assert (layer.name, layer.n_components, layer.kind, layer.rectified) == ("features.23", 1280, "spatial", True)


def test_nevus_calls_benign_images_with_a_ruler_melanoma(nevus, tmp_path):
    """Over all 1,195 benign images the means are 0.787 with a ruler and 0.375 without."""
    data = Data(
        manifest=str(DATA / "isic2017" / "labels.csv"),
        root=str(DATA / "isic2017" / "images"),
        label_map={"benign": "Lunar", "malignant": "Melanoma"},
        within=("diagnosis",),
    )
    store = Store(tmp_path)
    index = read_index(data, HERE, nevus.classes, store)
    assert index.class_counts == {"Melanoma": 305, "Lunar": 1195}
    assert verify_images(index, store).tolist() == [[256, 256]] * 1500
    samples = index.to_samples()
    benign = sorted(np.flatnonzero(samples.labels == 1), key=lambda row: index.digests[row])[:200]
    melanoma = probabilities(nevus, index, benign)[:, 0]
    ruler = samples.columns["ruler"][benign] == 1
    assert 0.65 < melanoma[ruler].mean() < 0.9
    assert 0.25 < melanoma[~ruler].mean() < 0.5


def test_squeezenet_knows_its_photographs(tmp_path):
    model = Model(
        architecture="torchvision:squeezenet1_1",
        weights=str(SQUEEZENET / "squeezenet1_1_torchvision_fp16.pth"),
        classes=str(SQUEEZENET / "synset_words.txt"),
        preprocessing=Preprocessing(
            resize=256, crop=224, mode="shortest", mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
        ),
    )
    subject = load_subject(model, HERE)
    assert len(subject.classes) == 1000
    assert [layer.name for layer in subject.layers] == ["features.12"]
    photographs = sorted((DATA / "imagenet_sample").glob("n*_*.JPEG"))
    rows = [f"{photo.name},{photo.name.partition('_')[0]}" for photo in photographs]
    (tmp_path / "m.csv").write_text("\n".join(["image,label", *rows]))
    data = Data(manifest="m.csv", root=str(DATA / "imagenet_sample"))
    index = read_index(data, tmp_path, subject.classes, Store(tmp_path / "store"))
    assert len(index) == len(photographs) == 125
    hits = probabilities(subject, index, range(125)).argmax(1) == index.to_samples().labels
    print(f"top-1 {hits.mean():.3f}")
    assert hits.mean() > 0.5
