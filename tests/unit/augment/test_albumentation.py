"""The same transform in an albumentations pipeline."""

import numpy as np
import pytest

from auditlens.errors import InputError

albumentations = pytest.importorskip("albumentations", reason="needs the extra `albumentations`")

from auditlens.augment import AlbumentationsArtefacts  # noqa: E402


def test_a_seeded_pipeline_repeats_itself(spec, image):
    pipelines = [albumentations.Compose([AlbumentationsArtefacts(spec, "all", p=1.0)], seed=seed) for seed in (5, 5, 6)]
    runs = [np.stack([pipeline(image=image)["image"] for _ in range(4)]) for pipeline in pipelines]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert (runs[0] != runs[2]).any()
    assert all((one != image).any() for one in runs[0])
    assert runs[0].dtype == np.uint8 and runs[0].shape[1:] == image.shape


def test_rate_zero_leaves_images_alone_and_a_wrong_one_is_told(spec, image):
    pipeline = albumentations.Compose([AlbumentationsArtefacts(spec, p=0.0)])
    np.testing.assert_array_equal(pipeline(image=image)["image"], image)
    with pytest.raises(InputError, match="between 0 and 1"):
        AlbumentationsArtefacts(spec, p=2.0)
