"""A context over thirty small pictures and a network of two layers; the foundation model is a stand-in."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from auditlens.data.index import read_index
from auditlens.gather.context import Context
from auditlens.gather.released import load_models
from auditlens.gather.resolve import flagged_values
from auditlens.semantics.text_image import TextImageModel
from auditlens.spec.load import load_spec
from auditlens.stages.progress import Silent
from auditlens.store import Store
from tests.e2e.project import Project


class Told(Silent):
    """Remembers what it was told."""

    def __init__(self):
        self.stages, self.steps = [], 0

    def stage(self, name, total):
        self.stages.append((name, total))

    def advance(self, n=1):
        self.steps += n


class MeanColour(torch.nn.Module):
    """Embeds a picture by its mean colours."""

    def encode_image(self, batch):
        return batch.mean(dim=(2, 3)) + 0.1


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


@pytest.fixture
def make_context(project):
    def make(foundation=None, **options):
        """Load everything as the engine does."""
        loaded = load_spec(project.spec)
        spec, store = loaded.spec, Store(project.store)
        models = load_models(spec.model, loaded.base, "cpu")
        subject = models.subject
        index = read_index(spec.data, loaded.base, subject.classes, store)
        batch_size = options.pop("batch_size", 4)
        context = Context(
            spec=spec,
            base=loaded.base,
            subject=subject,
            index=index,
            samples=index.to_samples(flagged_values(spec)),
            foundation=foundation,
            store=store,
            progress=Told(),
            batch_size=batch_size,
            model_key={"subject": subject.digest, "batch": batch_size},
            released=models.released,
            no_inside=models.no_inside,
        )
        return replace(context, **options)

    return make


@pytest.fixture
def foundation():
    def transform(image):
        return torch.from_numpy(np.asarray(image.resize((4, 4)), np.float32) / 255).permute(2, 0, 1)

    return TextImageModel(
        name="mean colour",
        sha256="0" * 64,
        settings="",
        dimension=3,
        device=torch.device("cpu"),
        _module=MeanColour(),
        _transform=transform,
        _tokenizer=lambda texts: torch.zeros(len(texts), 1),
    )
