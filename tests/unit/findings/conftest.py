"""A small semantic space in which the truth is known: each concept is an axis, each image a sum of its concepts."""

from dataclasses import dataclass

import numpy as np
import pytest

from auditlens.stages.evidence import ComponentExamples, Probe, Samples, SemanticSpace

DIM = 24
CONCEPTS = ("ruler", "ink", "border")


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def axis(number):
    return np.eye(DIM)[number]


@dataclass
class World:
    """Images with flags, their embeddings, and the concepts' probes."""

    samples: Samples
    space: SemanticSpace
    flags: dict

    def examples(self, rows_of_components, seed=0):
        """Components whose examples are the given rows; the null pool is all images."""
        rows = np.array(rows_of_components)
        embeddings = self.space.image_embeddings
        boxes = np.tile(np.array([0, 0, 8, 8]), (*rows.shape, 1))
        return ComponentExamples(
            layer="features",
            components=np.arange(len(rows)),
            image_indices=rows,
            boxes=boxes,
            embeddings=embeddings[rows],
            null_embeddings=embeddings,
            null_images=np.arange(len(embeddings)),
        )


def make_world(base_rates, n=600, seed=0, noise=0.3):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    flags = {name: rng.random(n) < rate for name, rate in base_rates.items()}
    images = axis(0) * 3 + noise * rng.normal(size=(n, DIM))
    for number, name in enumerate(CONCEPTS, start=1):
        if name in flags:
            images = images + flags[name][:, None] * axis(number)
    probes = {
        name: Probe(
            concept=name,
            vector=unit(axis(0) + axis(number)),
            paraphrases=unit(axis(0) + axis(number))[None],
            texts=(name,),
        )
        for number, name in enumerate(CONCEPTS, start=1)
    }
    space = SemanticSpace(
        image_embeddings=unit(images),
        probes=probes,
        null=unit(axis(0) + 0.01 * axis(20)),
        unrelated={"banana": unit(axis(0) + axis(21)), "guitar": unit(axis(0) + axis(22))},
        inserted={},
    )
    samples = Samples(
        ids=tuple(f"{row:04d}.png" for row in range(n)),
        labels=labels,
        units=np.arange(n) // 2,
        columns={name: rows.astype(float) for name, rows in flags.items()},
        strata=labels,
    )
    return World(samples, space, flags)


@pytest.fixture
def world():
    return make_world({"ruler": 0.5, "ink": 0.1})
