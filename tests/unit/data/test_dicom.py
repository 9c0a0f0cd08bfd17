import numpy as np
import pytest

from auditlens.data.images import load_rgb
from auditlens.errors import ImageError, InputError

pydicom = pytest.importorskip("pydicom", reason="needs the extra `dicom`")

VALUES = np.array([[0, 100, 1024, 1064], [1104, 2000, 4095, 512]], dtype=np.uint16)


def written(path, values=VALUES, bits=12, photometric="MONOCHROME2", **tags):
    """Write a minimal secondary capture."""
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset.Rows, dataset.Columns = values.shape[:2]
    dataset.SamplesPerPixel = values.shape[2] if values.ndim == 3 else 1
    if values.ndim == 3:
        dataset.PlanarConfiguration = 0
    dataset.PhotometricInterpretation = photometric
    dataset.BitsAllocated = 8 * values.dtype.itemsize
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    dataset.PixelRepresentation = int(values.dtype.kind == "i")
    dataset.PixelData = values.tobytes()
    for name, value in tags.items():
        setattr(dataset, name, value)
    dataset.save_as(path, enforce_file_format=True)
    return path


def grey(path, window=None):
    pixels = load_rgb(path, window)
    assert pixels.dtype == np.uint8
    assert (pixels == pixels[:, :, :1]).all()
    return pixels[:, :, 0].astype(int)


def linear(values, low, high):
    return np.clip(np.rint((values - low) / (high - low) * 255), 0, 255)


def test_a_window_is_in_the_unit_of_the_values(tmp_path):
    path = written(tmp_path / "ct.dcm", RescaleSlope=1, RescaleIntercept=-1024)
    np.testing.assert_array_equal(grey(path, (-160.0, 240.0)), linear(VALUES - 1024.0, -160, 240))
    np.testing.assert_array_equal(grey(path, "full"), linear(VALUES.astype(float), 0, 4095))


def test_signed_values(tmp_path):
    values = np.array([[-1000, 0, 40, 400]], dtype=np.int16)
    path = written(tmp_path / "ct.dcm", values, bits=16)
    np.testing.assert_array_equal(grey(path, (-160.0, 240.0)), linear(values.astype(float), -160, 240))


def test_nothing_is_guessed_for_more_than_eight_bits(tmp_path):
    with pytest.raises(ImageError, match=r"DICOM values of 12 bits \(0 to 4095\), and nothing says"):
        load_rgb(written(tmp_path / "x.dcm"))


def test_eight_bits_need_no_window(tmp_path):
    values = np.array([[0, 7, 255]], dtype=np.uint8)
    assert grey(written(tmp_path / "x.dcm", values, bits=8)).tolist() == values.tolist()
    scaled = written(tmp_path / "y.dcm", values, bits=8, RescaleSlope=4, RescaleIntercept=0)
    with pytest.raises(ImageError, match="nothing says"):
        load_rgb(scaled)


def test_monochrome1_is_turned_round(tmp_path):
    path = written(tmp_path / "x.dcm", photometric="MONOCHROME1")
    np.testing.assert_array_equal(grey(path, "full"), 255 - linear(VALUES.astype(float), 0, 4095))


def test_the_window_of_the_file(tmp_path):
    """PS3.3 C.11.2.1.2: LINEAR maps (c - 0.5 - (w-1)/2, c - 0.5 + (w-1)/2); LINEAR_EXACT (c - w/2, c + w/2)."""
    tags = {"RescaleSlope": 1, "RescaleIntercept": -1024, "WindowCenter": [40, 50], "WindowWidth": [400, 350]}
    path = written(tmp_path / "x.dcm", **tags)
    np.testing.assert_array_equal(grey(path, "file"), linear(VALUES - 1024.0, -160, 239))
    dataset = pydicom.dcmread(path)
    rescaled = pydicom.pixels.apply_modality_lut(dataset.pixel_array, dataset)
    shown = pydicom.pixels.apply_windowing(rescaled, dataset)
    assert np.abs(grey(path, "file") - linear(shown, -1024, 3071)).max() <= 1
    exact = written(tmp_path / "y.dcm", **tags, VOILUTFunction="LINEAR_EXACT")
    np.testing.assert_array_equal(grey(exact, "file"), linear(VALUES - 1024.0, -160, 240))
    curved = written(tmp_path / "z.dcm", **tags, VOILUTFunction="SIGMOID")
    expected = 255 / (1 + np.exp(-4 * (VALUES - 1024.0 - 40) / 400))
    assert np.abs(grey(curved, "file") - expected).max() <= 0.5 + 1e-9


def test_a_file_that_names_no_window(tmp_path):
    with pytest.raises(ImageError, match="the file names no window"):
        load_rgb(written(tmp_path / "x.dcm"), "file")


def test_colours(tmp_path):
    values = np.arange(24, dtype=np.uint8).reshape(2, 4, 3) * 10
    np.testing.assert_array_equal(load_rgb(written(tmp_path / "x.dcm", values, 8, "RGB")), values)
    yellow = np.full((2, 2, 3), (210, 16, 146), dtype=np.uint8)
    pixels = load_rgb(written(tmp_path / "y.dcm", yellow, 8, "YBR_FULL"))[0, 0]
    assert np.abs(pixels.astype(int) - (235, 236, 12)).max() <= 2


def test_a_palette(tmp_path):
    table = {f"{c}PaletteColorLookupTableDescriptor": [3, 0, 16] for c in ("Red", "Green", "Blue")}
    for number, colour in enumerate(("Red", "Green", "Blue")):
        entries = np.array([0, 100 + number, 255], dtype=np.uint16) << 8
        table[f"{colour}PaletteColorLookupTableData"] = entries.tobytes()
    values = np.array([[0, 1, 2]], dtype=np.uint8)
    pixels = load_rgb(written(tmp_path / "x.dcm", values, 8, "PALETTE COLOR", **table))
    assert pixels[0].tolist() == [[0, 0, 0], [100, 101, 102], [255, 255, 255]]


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"NumberOfFrames": 2}, "it holds 2 frames"),
        ({"BitsAllocated": 16, "BitsStored": 16, "Rows": 900}, "cannot decode"),
        ({"WindowCenter": 10, "WindowWidth": 1}, "own window is 1 wide"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path, tags, words):
    with pytest.raises(ImageError, match=words):
        load_rgb(written(tmp_path / "x.dcm", **tags), "file" if "WindowCenter" in tags else "full")


def test_files_that_are_no_dicom(tmp_path):
    (tmp_path / "x.dcm").write_bytes(b"nothing of the kind")
    with pytest.raises(ImageError, match=r"cannot decode .*x\.dcm"):
        load_rgb(tmp_path / "x.dcm")


def test_a_dicom_file_without_suffix_is_known_by_its_first_bytes(tmp_path):
    assert grey(written(tmp_path / "IM0001"), "full").shape == (2, 4)
    assert grey(written(tmp_path / "1.2.840.1"), "full").shape == (2, 4)


def test_without_the_package_the_extra_is_named(tmp_path, monkeypatch):
    path = written(tmp_path / "x.dcm")
    monkeypatch.setitem(__import__("sys").modules, "pydicom", None)
    with pytest.raises(InputError, match=r"auditlens\[dicom\]"):
        load_rgb(path)
