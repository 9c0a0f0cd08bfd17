"""Sets of images in words: what each is for, and what a run did with it where that is something else."""

import pytest

from auditlens.report.sets import set_sentence
from auditlens.stages.sets import PlannedSet, SetRole


def planned(role, use, **fields):
    return PlannedSet(
        **{"name": "dev", "role": role, "uses": (use,), "source": "dev.csv", "sha256": "e" * 64, "n_images": 320}
        | {"n_units": 163, "unit_column": "patient"}
        | fields
    )


@pytest.mark.parametrize(
    ("role", "use", "said"),
    [
        (SetRole.CONCEPT_EXAMPLES, "concept examples", "dev, for concept examples"),
        (SetRole.CONCEPT_EXAMPLES, "compared", "dev, for concept examples, compared"),
        (SetRole.OBSERVABILITY, "observability", "dev, for observability"),
        (SetRole.SEALED, "audited", "dev, sealed test set, audited"),
        (SetRole.DEVELOPMENT, "compared", "dev, for development, compared"),
    ],
)
def test_a_use_that_the_role_says_already_is_not_said_twice(role, use, said):
    assert set_sentence(planned(role, use)) == f"{said}: 320 images, 163 units (patient)"


def test_what_was_left_out_is_counted():
    alone = planned(SetRole.DEVELOPMENT, "compared", unit_column=None, n_left_out=7)
    assert set_sentence(alone).endswith(": 320 images; 7 left out")
