import threading

import numpy as np
import pytest
import torch
from PIL import Image

from auditlens.data.images import load_mask, load_rgb
from auditlens.data.loader import batches, prefetch
from auditlens.data.verification import verify_images
from auditlens.errors import ImageError, InputError
from auditlens.store import Store

from .conftest import picture, write_csv, write_images


def saved(path, values, mode=None):
    image = Image.fromarray(values)
    (image if mode is None else image.convert(mode)).save(path)
    return path


def test_grey_becomes_three_equal_channels(tmp_path):
    values = np.arange(48, dtype=np.uint8).reshape(6, 8)
    pixels = load_rgb(saved(tmp_path / "x.png", values))
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, np.repeat(values[:, :, None], 3, axis=2))


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_become_eight_by_the_declared_window(tmp_path, suffix):
    values = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)
    path = saved(tmp_path / f"x.{suffix}", values)
    assert load_rgb(path, "full")[0, :, 0].tolist() == [0, 1, 128, 255]
    assert load_rgb(path, (257.0, 32896.0))[0, :, 2].tolist() == [0, 0, 255, 255]
    with pytest.raises(ImageError, match=r"16-bit values \(0 to 65535\), and nothing says.*data\.window"):
        load_rgb(path)
    with pytest.raises(ImageError, match=r"`data\.window: file` does not fit 16-bit values"):
        load_rgb(path, "file")


def test_a_window_beside_the_values_is_an_error_and_no_black_image(tmp_path):
    path = saved(tmp_path / "x.png", np.array([[10, 4095]], dtype=np.uint16))
    with pytest.raises(ImageError, match=r"all its 16-bit values \(10 to 4095\) lie outside `data\.window`"):
        load_rgb(path, (5000.0, 6000.0))


def test_values_inside_a_window_are_linear_and_never_wrap(tmp_path):
    values = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    pixels = load_rgb(saved(tmp_path / "x.png", values), (1000.0, 3040.0))[:, :, 0].ravel()
    assert (np.diff(pixels.astype(int)) >= 0).all()
    expected = np.clip((np.arange(4096) - 1000) / 2040 * 255, 0, 255)
    assert np.abs(pixels - expected).max() <= 0.5 + 1e-9


def test_a_window_leaves_eight_bits_alone(tmp_path):
    values = np.arange(48, dtype=np.uint8).reshape(6, 8)
    assert load_rgb(saved(tmp_path / "x.png", values), (1000.0, 3000.0))[:, :, 0].tolist() == values.tolist()


def test_thirty_two_bits_and_floats_need_a_window(tmp_path):
    whole = saved(tmp_path / "i.tif", np.array([[0, 65535]], dtype=np.int32))
    assert load_rgb(whole, (0.0, 65535.0))[0, :, 1].tolist() == [0, 255]
    floats = saved(tmp_path / "f.tif", np.array([[0.0, 0.5, 1.0]], dtype=np.float32))
    assert load_rgb(floats, (0.0, 1.0))[0, :, 2].tolist() == [0, 128, 255]
    for path in (whole, floats):
        with pytest.raises(ImageError, match="nothing says how they become 8 bits"):
            load_rgb(path)
        with pytest.raises(ImageError, match=r"`data\.window: full` does not fit"):
            load_rgb(path, "full")
    with pytest.raises(ImageError, match="not finite"):
        load_rgb(saved(tmp_path / "n.tif", np.array([[0.0, np.nan]], dtype=np.float32)), (0.0, 1.0))


def png_of_wide_colours(path, values):
    """A PNG with three channels of 16 bits, which Pillow cannot write."""
    import struct
    import zlib

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    height, width, _ = values.shape
    lines = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))
    return path


def test_colours_of_sixteen_bits_are_not_cut_in_silence(tmp_path):
    values = np.array([[[0, 257, 65535], [32896, 1000, 60000]]], dtype=np.uint16)
    path = png_of_wide_colours(tmp_path / "x.png", values)
    for window in (None, (0.0, 4095.0)):
        with pytest.raises(ImageError, match=r"colours of 16 bits.*full"):
            load_rgb(path, window)
    assert np.abs(load_rgb(path, "full").astype(int) - values / 257).max() <= 1


def test_a_mask_of_sixteen_bits(tmp_path, read):
    write_images(tmp_path, ["a.png"])
    values = np.zeros((6, 8), dtype=np.uint16)
    values[:2] = 300
    saved(tmp_path / "mask.png", values)
    write_csv(tmp_path / "m.csv", [("image", "label", "mask"), ("a.png", "benign", "mask.png")])
    (sample,) = read(manifest="m.csv", mask="mask").samples
    assert load_mask(sample, (8, 6)).sum() == 16


def test_the_window_of_the_data_reaches_images_the_digest_and_the_plan(tmp_path, read):
    saved(tmp_path / "a.png", np.array([[0, 4095]], dtype=np.uint16))
    write_csv(tmp_path / "m.csv", [("image", "label"), ("a.png", "benign")])
    index = read(manifest="m.csv", window=(0.0, 4095.0))
    assert load_rgb(index.samples[0])[0, :, 0].tolist() == [0, 255]
    assert "mapped linearly from 0..4095 to 0..255; what lies outside becomes black or white" in " ".join(index.notes)
    other = read(manifest="m.csv", window="full")
    assert load_rgb(other.samples[0])[0, :, 0].tolist() == [0, 16]
    assert len({index.digest, other.digest, read(manifest="m.csv").digest}) == 3
    store = Store(tmp_path / "store")
    verify_images(index, store)
    with pytest.raises(ImageError, match="nothing says"):  # not hidden by what was decoded with a window
        verify_images(read(manifest="m.csv"), store)


@pytest.mark.parametrize("mode", ["P", "RGBA", "LA", "1", "L"])
def test_other_modes_give_three_channels(tmp_path, mode):
    picture(1).convert(mode).save(tmp_path / "x.png")
    assert load_rgb(tmp_path / "x.png").shape == (6, 8, 3)


def test_alpha_is_dropped(tmp_path):
    values = np.full((2, 2, 4), (10, 20, 30, 0), dtype=np.uint8)
    assert load_rgb(saved(tmp_path / "x.png", values))[0, 0].tolist() == [10, 20, 30]


def test_palette_with_transparency(tmp_path):
    image = picture(2).quantize(4)
    image.save(tmp_path / "x.png", transparency=bytes([0, 255, 255, 255]))
    np.testing.assert_array_equal(load_rgb(tmp_path / "x.png"), np.asarray(image.convert("RGB")))


def test_the_exif_orientation_is_applied(tmp_path):
    image = picture(3)
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "x.png", exif=exif)
    np.testing.assert_array_equal(load_rgb(tmp_path / "x.png"), np.rot90(np.asarray(image), -1))


@pytest.mark.parametrize("keep", [0, 20, 0.5])
def test_damaged_images_are_named(tmp_path, keep):
    path = tmp_path / "x.png"
    picture(4, (64, 64)).save(path)
    raw = path.read_bytes()
    path.write_bytes(raw[: keep if isinstance(keep, int) else int(keep * len(raw))])
    with pytest.raises(ImageError, match=r"cannot decode .*x\.png"):
        load_rgb(path)


def test_a_cut_image_is_told_though_another_library_made_pillow_lenient(tmp_path, monkeypatch):
    """WeasyPrint turns the switch when it is imported, so the second audit of a process would decode half an image."""
    path = tmp_path / "x.png"
    picture(4, (64, 64)).save(path)
    path.write_bytes(path.read_bytes()[:900])
    monkeypatch.setattr("PIL.ImageFile.LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(ImageError, match="truncated"):
        load_rgb(path)


@pytest.fixture
def index(tmp_path, read):
    write_images(tmp_path, [f"{i}.png" for i in range(7)])
    write_csv(tmp_path / "m.csv", [("image", "label"), *((f"{i}.png", "benign") for i in range(7))])
    return read(manifest="m.csv")


@pytest.mark.parametrize("high", [1, 255])
def test_masks(tmp_path, read, high):
    write_images(tmp_path, ["a.png", "b.png"])
    values = np.zeros((6, 8), dtype=np.uint8)
    values[:3] = high
    saved(tmp_path / "mask.png", values)
    saved(tmp_path / "empty.png", values * 0)
    write_csv(
        tmp_path / "m.csv",
        [("image", "label", "mask"), ("a.png", "benign", "mask.png"), ("b.png", "benign", "empty.png")],
    )
    first, second = read(manifest="m.csv", mask="mask").samples
    mask = load_mask(first, (16, 12))
    assert mask.shape == (12, 16)
    assert mask[:6].all()
    assert not mask[6:].any()
    assert not load_mask(second, (8, 6)).any()


def test_no_mask(index):
    assert load_mask(index.samples[0], (4, 4)) is None


def test_verification_gives_sizes_and_is_free_the_second_time(index, tmp_path):
    store = Store(tmp_path / "store")
    seen = []
    sizes = verify_images(index, store, lambda *done: seen.append(done))
    assert sizes.tolist() == [[8, 6]] * 7
    assert seen == [(7, 7)]
    assert (store.hits, store.misses) == (0, 1)
    verify_images(index, store)
    assert (store.hits, store.misses) == (1, 1)


def test_verification_names_every_broken_file(tmp_path, read):
    names = [f"{i}.png" for i in range(9)]
    write_images(tmp_path, names)
    for name in names[:7]:
        (tmp_path / name).write_bytes(b"broken" + name.encode())
    write_csv(tmp_path / "m.csv", [("image", "label"), *((name, "benign") for name in names)])
    index = read(manifest="m.csv")
    store = Store(tmp_path / "store")
    with pytest.raises(ImageError) as caught:
        verify_images(index, store)
    text = str(caught.value)
    assert "7 of 9 images cannot be decoded" in text
    assert f"{tmp_path / 'm.csv'}:2: cannot decode {tmp_path / '0.png'}" in text
    assert "2 more" in text
    write_images(tmp_path, names)
    verify_images(read(manifest="m.csv"), store)


def to_tensor(pixels):
    return torch.from_numpy(pixels.transpose(2, 0, 1).copy())


def test_batches_follow_the_rows(index):
    got = list(batches(index, [3, 0, 6, 3, 1], to_tensor, batch_size=2, n_workers=3))
    assert [rows.tolist() for rows, _ in got] == [[3, 0], [6, 3], [1]]
    for rows, tensor in got:
        expected = torch.stack([to_tensor(load_rgb(index.samples[row])) for row in rows])
        assert torch.equal(tensor, expected)
    assert list(batches(index, [], to_tensor, batch_size=2)) == []


def test_images_of_different_size_cannot_be_a_batch(tmp_path, read):
    picture(0, (8, 6)).save(tmp_path / "a.png")
    picture(1, (9, 6)).save(tmp_path / "b.png")
    write_csv(tmp_path / "m.csv", [("image", "label"), ("a.png", "benign"), ("b.png", "benign")])
    with pytest.raises(InputError, match=r"differ in shape.*resize"):
        list(batches(read(manifest="m.csv"), [0, 1], to_tensor, batch_size=2))


def test_prefetch_reads_ahead_only_so_far_and_in_order():
    begun = []
    stream = prefetch(range(100), lambda n: begun.append(n) or n * n, n_workers=4, ahead=5)
    assert [next(stream) for _ in range(10)] == [n * n for n in range(10)]
    assert max(begun) <= 15
    stream.close()
    assert max(begun) <= 15
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ThreadPoolExecutor")]


def test_prefetch_raises_at_the_item():
    stream = prefetch([1, 0, 2], lambda n: 1 / n, n_workers=2, ahead=3)
    assert next(stream) == 1.0
    with pytest.raises(ZeroDivisionError):
        next(stream)
