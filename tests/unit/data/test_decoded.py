"""Images are decoded once while there is room, and again when the file has changed."""

import numpy as np
import pytest
from PIL import Image

from auditlens.data import images
from auditlens.data.decoded import LARGEST_SHARE, Decoded
from auditlens.data.images import load_rgb


def counted(value, size=(2, 2)):
    calls = []

    def decode():
        calls.append(value)
        return np.full((*size, 3), value, dtype=np.uint8)

    return decode, calls


def test_a_file_is_decoded_once_until_it_changes(tmp_path):
    kept, path = Decoded(), tmp_path / "a.png"
    path.write_bytes(b"1")
    decode, calls = counted(7)
    first = kept.get(path, None, decode)
    assert kept.get(path, None, decode) is first
    assert len(calls) == 1
    assert not first.flags.writeable
    kept.get(path, "full", decode)
    assert len(calls) == 2, "another window gives other pixels"
    path.write_bytes(b"22")
    assert kept.get(path, None, counted(9)[0])[0, 0, 0] == 9


def test_the_longest_unasked_goes_first_and_large_ones_are_not_kept(tmp_path):
    kept = Decoded(12 * LARGEST_SHARE)
    paths = [tmp_path / f"{number}.png" for number in range(LARGEST_SHARE + 1)]
    for path in paths:
        path.touch()
        if path is paths[-1]:
            kept.get(paths[0], None, counted(0)[0])  # asked for just now, so the second goes
        kept.get(path, None, counted(1)[0])
    again = []
    for path in (paths[0], paths[-1], paths[1]):
        decode, calls = counted(2)
        kept.get(path, None, decode)
        again.append(len(calls))
    assert again == [0, 0, 1]
    large, calls = counted(3, (2, 3))
    for _ in range(2):
        kept.get(paths[2], "full", large)
    assert len(calls) == 2


def test_load_rgb_decodes_once_and_sees_a_new_file(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "_DECODED", Decoded())
    path = tmp_path / "a.png"
    Image.new("RGB", (3, 2), (1, 2, 3)).save(path)
    first = load_rgb(path)
    assert load_rgb(path) is first
    with pytest.raises(ValueError, match="read-only"):
        first[0, 0, 0] = 9
    Image.new("RGB", (3, 2), (200, 2, 30)).save(path)
    assert load_rgb(path)[0, 0].tolist() == [200, 2, 30]
