"""The semantic space of models with and without words, and probes from columns."""

import numpy as np
import pytest
import torch

from auditlens.findings.observability import concept_findings
from auditlens.gather.resolve import planned_foundation
from auditlens.gather.space import foundation_key, semantic_space
from auditlens.semantics.timm_encoder import TimmEncoder
from auditlens.stages.states import ConceptState
from tests.e2e.test_bad_input import write_table
from tests.unit.gather.conftest import MeanColour


class Pooled(MeanColour):
    def forward(self, batch):
        return self.encode_image(batch)


@pytest.fixture
def wordless():
    def transform(image):
        return torch.from_numpy(np.asarray(image.resize((4, 4)), np.float32) / 255).permute(2, 0, 1)

    return TimmEncoder("timm:mean_colour", "0" * 64, "", 3, torch.device("cpu"), Pooled(), transform)


@pytest.fixture
def spoken(project, make_context, wordless):
    """A context whose foundation model reads no text, with concepts of every kind."""
    write_table(project, site="arm")
    table = project.folder / "table.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join(line.replace(",arm", ",leg") if place % 2 else line for place, line in enumerate(lines)))
    (project.folder / "weights.pth").write_bytes(b"")
    concepts = {
        "words": {"texts": ["ruler"]},
        "leg": {"column": "site", "value": "leg"},
        "pictures": {"texts": ["dark"], "images": "images/benign"},
        "never": {"column": "site", "value": "arm", "not_assessable": "because"},
    }
    project.change({"concepts": concepts, "foundation": {"model": "timm:mean_colour", "pretrained": "weights.pth"}})
    return make_context(wordless)


def test_without_words_columns_and_pictures_have_probes_and_words_have_a_reason(spoken):
    space = semantic_space(spoken, {})
    assert {name: probe.source for name, probe in space.probes.items()} == {"leg": "cav", "pictures": "images"}
    assert space.without_probe == {"words": "timm:mean_colour reads no text"}
    assert space.unrelated == {}
    mean = space.image_embeddings.mean(axis=0)
    np.testing.assert_allclose(space.null, mean / np.linalg.norm(mean), rtol=1e-6)
    assert space.probes["leg"].out_of_fold.shape == (30,)


def test_the_reason_reaches_the_finding(spoken, wordless):
    from types import SimpleNamespace

    plan = SimpleNamespace(
        audited_classes=(),
        foundation=planned_foundation(spoken.spec, wordless),
        model=SimpleNamespace(classes=spoken.subject.classes),
    )
    found = {
        row.concept: row for row in concept_findings(spoken.spec, plan, spoken.samples, semantic_space(spoken, {}))
    }
    assert found["words"].state is ConceptState.UNVERIFIED
    assert found["words"].reason == "timm:mean_colour reads no text"
    assert found["leg"].source == "column"
    assert found["never"].state is ConceptState.NOT_ASSESSABLE


def test_the_plan_says_that_no_text_is_read(spoken, wordless):
    planned = planned_foundation(spoken.spec, wordless)
    assert (planned.reads_text, planned.templates) == (False, ())


def test_embeddings_are_keyed_by_the_models_settings(spoken, wordless):
    from dataclasses import replace

    assert foundation_key(spoken.spec.foundation, replace(wordless, settings="224")) != foundation_key(
        spoken.spec.foundation, wordless
    )
