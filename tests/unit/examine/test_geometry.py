import numpy as np
import pytest
from PIL import Image

from auditlens.data.sample import Sample
from auditlens.errors import ImageError, Location
from auditlens.examine.geometry import declared_preprocessing, image_size, input_map
from auditlens.spec.model import Preprocessing
from auditlens.subject.preprocessing import Called, Declared

CASES = [
    Preprocessing(resize=64),
    Preprocessing(resize=(48, 96)),
    Preprocessing(resize=None),
    Preprocessing(resize=80, crop=64),
    Preprocessing(resize=(60, 110), crop=64),
    Preprocessing(resize=None, crop=100),
    Preprocessing(resize=72, mode="shortest", crop=64),
    Preprocessing(resize=64, mode="shortest"),
    Preprocessing(resize=None, mode="shortest", crop=60),
    Preprocessing(resize=40, mode="shortest", crop=64),
    Preprocessing(resize=64, mode="centre_square"),
    Preprocessing(resize=None, mode="centre_square"),
]


@pytest.mark.parametrize("declared", CASES, ids=str)
@pytest.mark.parametrize("size", [(200, 120), (120, 200), (150, 150)])
def test_a_bright_square_is_found_where_it_was(declared, size):
    """Draw it, prepare the image, threshold the input, map back: the true corners, up to two input pixels."""
    left, top = size[0] // 2 - 17, size[1] // 2 - 9
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    pixels[top : top + 20, left : left + 30] = 255
    prepared = Declared(declared)(pixels)[0].numpy()
    rows, columns = np.nonzero(prepared > 0.5)
    box = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    geometry = input_map(declared, size, (prepared.shape[1], prepared.shape[0]))
    found = geometry.to_pixels(box)
    allowed = 2 * max(geometry.scale)
    np.testing.assert_allclose(found, [left, top, left + 30, top + 20], atol=max(allowed, 1))


@pytest.mark.parametrize("declared", CASES, ids=str)
@pytest.mark.parametrize("size", [(200, 120), (121, 333)])
def test_boxes_stay_inside_the_image(declared, size):
    prepared = Declared(declared)(np.zeros((size[1], size[0], 3), np.uint8))
    height, width = prepared.shape[1:]
    left, top, right, bottom = input_map(declared, size, (width, height)).to_pixels(np.array([0, 0, width, height]))
    assert 0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]
    if declared.mode == "squash" and declared.crop is None:
        assert (left, top, right, bottom) == (0, 0, *size)


def test_a_function_of_the_user_is_taken_as_squashing():
    assert declared_preprocessing(Called("m:f", lambda image: image, "0" * 64)) is None
    declared = Preprocessing(resize=64, mode="centre_square")
    assert declared_preprocessing(Declared(declared)) == declared
    assert input_map(None, (200, 100), (50, 50)).to_pixels(np.array([10, 10, 20, 20])).tolist() == [40, 20, 80, 40]


def test_sizes_are_those_of_the_decoded_image(tmp_path):
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 20)).save(path, exif=exif)
    sample = Sample("turned", path, 0, "u", None, {}, "0" * 64, Location(str(path)))
    assert image_size(sample) == (20, 30)
    path.write_bytes(b"no image")
    with pytest.raises(ImageError, match=r"cannot read .*turned\.jpg"):
        image_size(sample)


def test_the_size_of_a_dicom_image(tmp_path):
    pytest.importorskip("pydicom", reason="needs the extra `dicom`")
    from tests.unit.data.test_dicom import written

    path = written(tmp_path / "x.dcm")
    sample = Sample("x", path, 0, "x", None, {}, "d", Location("m.csv", 2))
    assert image_size(sample) == (4, 2)
    path.write_bytes(b"nothing")
    with pytest.raises(ImageError, match=r"m\.csv:2: cannot read .*x\.dcm"):
        image_size(sample)
