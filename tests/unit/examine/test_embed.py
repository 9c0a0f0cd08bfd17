import numpy as np
import pytest

from auditlens.data.images import load_rgb
from auditlens.examine.embed import CropSequence, embed_components, embed_examples, null_pool


class ColourEncoder:
    """Embeds a crop as mean colour and size, and keeps what it was given."""

    dimension = 5

    def __init__(self):
        self.seen = []

    def embed_images(self, images, batch_size=32):
        self.seen.extend(image.shape[:2] for image in images)
        vectors = np.stack([[*image.mean((0, 1)), *image.shape[:2]] for image in images])
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


BOXES = np.array([[[0, 0, 10, 20], [5, 5, 40, 40], [0, 0, 0, 0]], [[5, 5, 40, 40], [1, 2, 3, 4], [0, 0, 10, 20]]])
ROWS = np.array([[4, 7, -1], [7, 0, 4]])


def test_equal_crops_are_embedded_once_and_land_where_they_belong(index):
    encoder = ColourEncoder()
    found = embed_examples(encoder, index, ROWS, BOXES, 2)
    assert len(encoder.seen) == 3 and found.shape == (2, 3, 5) and found.dtype == np.float32
    assert np.isnan(found[0, 2]).all()
    np.testing.assert_array_equal(found[0, 0], found[1, 2])
    np.testing.assert_array_equal(found[0, 1], found[1, 0])
    crop = load_rgb(index.samples[7])[5:40, 5:40]
    np.testing.assert_allclose(found[0, 1], ColourEncoder().embed_images([crop])[0], rtol=1e-6)


def test_crops_are_cut_when_asked_for(index):
    crops = CropSequence(index, np.array([[3, 0, 1, 10, 5], [3, 2, 2, 4, 4]]))
    assert len(crops) == 2
    np.testing.assert_array_equal(crops[0], load_rgb(index.samples[3])[1:5, 0:10])
    assert [crop.shape for crop in crops[:]] == [(4, 10, 3), (2, 2, 3)]


def test_random_crops_have_the_sizes_of_the_real_ones(index):
    encoder = ColourEncoder()
    embeddings, rows = null_pool(encoder, index, ROWS, BOXES, 100, seed=3)
    assert embeddings.shape == (100, 5) and rows.shape == (100,)
    assert set(encoder.seen) == {(20, 10), (35, 35), (2, 2)}
    counts = np.bincount(rows, minlength=23)
    assert counts.min() >= 100 // 23 and counts.max() <= 100 // 23 + 1, "images repeat only once all have been used"
    again, same = null_pool(ColourEncoder(), index, ROWS, BOXES, 100, seed=3, batch_size=7)
    np.testing.assert_array_equal(rows, same)
    np.testing.assert_array_equal(embeddings, again)
    assert not np.array_equal(rows, null_pool(ColourEncoder(), index, ROWS, BOXES, 100, seed=4)[1])


def test_rows_and_embeddings_of_the_pool_belong_together(index):
    embeddings, rows = null_pool(ColourEncoder(), index, np.array([[0]]), np.array([[[0, 0, 40, 40]]]), 30)
    for embedding, row in zip(embeddings, rows, strict=True):
        whole = ColourEncoder().embed_images([load_rgb(index.samples[row])])[0]
        np.testing.assert_allclose(embedding, whole, rtol=1e-6)


def test_boxes_keep_their_relative_place_on_images_of_another_size(make_index, noise):
    index = make_index([*noise(1, size=(40, 80)), *noise(1, size=(100, 50))])
    encoder = ColourEncoder()
    null_pool(encoder, index, np.array([[0]]), np.array([[[0, 0, 40, 20]]]), 2)
    assert sorted(encoder.seen) == [(20, 40), (50, 25)]


def test_nothing_to_embed_is_no_error(index):
    nothing = np.full((2, 3), -1)
    found = embed_components(ColourEncoder(), index, "x", np.array([1, 2]), nothing, np.zeros((2, 3, 4), int))
    assert np.isnan(found.embeddings).all() and found.embeddings.shape == (2, 3, 5)
    assert found.null_embeddings.shape == (0, 5)


def test_components_come_with_their_null_and_progress(index):
    done = []
    found = embed_components(ColourEncoder(), index, "x", np.array([1, 2]), ROWS, BOXES, 9, 0, 4, done.append)
    assert found.layer == "x" and found.components.tolist() == [1, 2]
    assert found.null_embeddings.shape == (9, 5) and sum(done) == 3 + 9
    assert pytest.approx(1, abs=1e-6) == np.linalg.norm(found.null_embeddings, axis=1).min()
