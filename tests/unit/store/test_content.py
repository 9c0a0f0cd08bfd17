import hashlib
import weakref
from pathlib import Path

import numpy as np
import pytest

from auditlens.errors import InputError
from auditlens.store import Store, content, default_root
from auditlens.store.atomic import write_atomically, write_bytes_atomically


def fail(*_rows):
    raise RuntimeError("no result")


def never(*_rows):
    raise AssertionError("computed although the result is stored")


def stored_files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())


def identical(one, other):
    assert list(one) == list(other)
    for name in one:
        assert one[name].dtype == other[name].dtype
        assert one[name].shape == other[name].shape
        assert one[name].flags.c_contiguous
        assert one[name].tobytes() == other[name].tobytes()


def results():
    grid = np.arange(12.0).reshape(3, 4)
    return {
        "transposed": grid.T,
        "stepped": grid[:, ::2],
        "scalar": np.float32(2.5),
        "none": np.empty((0, 3), dtype=np.int16),
        "nan": np.array([np.nan, -0.0, np.inf]),
        "flags": np.array([True, False]),
        "text": np.array(["a", "bcd"]),
    }


def test_arrays_are_the_same_bytes_cold_and_warm(tmp_path):
    cold = Store(tmp_path).arrays("stage", {"a": 1}, results)
    warm_store = Store(tmp_path)
    identical(cold, warm_store.arrays("stage", {"a": 1}, never))
    assert (warm_store.hits, warm_store.misses) == (1, 0)


@pytest.mark.parametrize(
    ("stage", "key"), [("other", {"a": 1, "b": 2}), ("stage", {"a": 1}), ("stage", {"a": 1, "b": 3})]
)
def test_another_stage_or_key_is_another_result(tmp_path, stage, key):
    store = Store(tmp_path)
    store.arrays("stage", {"a": 1, "b": 2}, lambda: {"x": np.zeros(1)})
    assert store.arrays(stage, key, lambda: {"x": np.ones(1)})["x"][0] == 1
    assert store.misses == 2


def test_the_order_of_a_key_does_not_matter(tmp_path):
    store = Store(tmp_path)
    store.arrays("stage", {"a": 1, "b": [1, 2]}, results)
    store.arrays("stage", {"b": [1, 2], "a": 1}, never)


def test_results_do_not_outlive_the_code(tmp_path, monkeypatch):
    store = Store(tmp_path)
    store.json("stage", {}, lambda: "old")
    monkeypatch.setattr(content, "code_version", lambda: "newer")
    assert store.json("stage", {}, lambda: "new") == "new"


@pytest.mark.parametrize("position", [0, 0.3, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("damage", ["cut", "flip"])
def test_damaged_arrays_are_computed_again(tmp_path, position, damage):
    store = Store(tmp_path)
    good = store.arrays("stage", {}, lambda: {"x": np.arange(500)})
    (path,) = stored_files(tmp_path)
    raw = bytearray(path.read_bytes())
    place = int(position * len(raw))
    if damage == "cut":
        raw = raw[:place]
    else:
        raw[place] ^= 0xFF
    path.write_bytes(bytes(raw))
    identical(store.arrays("stage", {}, lambda: {"x": np.arange(500)}), good)


def test_altered_arrays_in_a_sound_archive_are_computed_again(tmp_path):
    store = Store(tmp_path)
    store.arrays("stage", {}, lambda: {"x": np.arange(5)})
    (path,) = stored_files(tmp_path)
    with np.load(path) as archive:
        content_ = dict(archive)
    np.savez(path, **{**content_, "x": np.arange(5) + 1})
    assert store.arrays("stage", {}, lambda: {"x": np.arange(5)})["x"].tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"value": 3, "sha256": "00"}', '{"value": 3}'])
def test_damaged_json_is_computed_again(tmp_path, text):
    store = Store(tmp_path)
    store.json("stage", {}, lambda: 4)
    (path,) = stored_files(tmp_path)
    path.write_text(text)
    assert store.json("stage", {}, lambda: 4) == 4
    assert store.misses == 2


def test_json_is_the_same_cold_and_warm(tmp_path):
    value = {"b": (1, 2.5, None), "ä": ["x", True]}
    cold = Store(tmp_path).json("stage", {}, lambda: value)
    warm = Store(tmp_path).json("stage", {}, never)
    assert cold == warm == {"b": [1, 2.5, None], "ä": ["x", True]}


def test_exceptions_are_not_kept(tmp_path):
    store = Store(tmp_path)
    for call in (
        lambda: store.arrays("stage", {}, fail),
        lambda: store.json("stage", {}, fail),
        lambda: store.folder("stage", {}, fail),
        lambda: store.chunked("stage", {}, 3, 2, fail),
    ):
        with pytest.raises(RuntimeError, match="no result"):
            call()
    assert not stored_files(tmp_path)
    assert store.arrays("stage", {}, results)


def test_objects_are_not_stored(tmp_path):
    with pytest.raises(TypeError, match="Python objects"):
        Store(tmp_path).arrays("stage", {}, lambda: {"x": np.array([{}, []], dtype=object)})


def squares(start, stop):
    rows = np.arange(start, stop)
    return {"squares": rows**2, "pairs": np.stack([rows, -rows], axis=1).astype(np.float32)}


def test_chunks_join_and_resume(tmp_path):
    fresh = Store(tmp_path / "a").chunked("stage", {"k": 1}, 11, 4, squares)
    assert fresh["squares"].tolist() == [i * i for i in range(11)]
    assert fresh["pairs"].shape == (11, 2)
    calls = []

    def cut_off(start, stop):
        calls.append(start)
        if start >= 8:
            raise KeyboardInterrupt
        return squares(start, stop)

    store = Store(tmp_path / "b")
    with pytest.raises(KeyboardInterrupt):
        store.chunked("stage", {"k": 1}, 11, 4, cut_off)
    assert calls == [0, 4, 8]
    seen = []
    resumed = Store(tmp_path / "b").chunked(
        "stage", {"k": 1}, 11, 4, lambda a, b: calls.append(a) or squares(a, b), lambda *done: seen.append(done)
    )
    assert calls == [0, 4, 8, 8]
    assert seen == [(4, 11), (8, 11), (11, 11)]
    identical(fresh, resumed)
    identical(fresh, Store(tmp_path / "b").chunked("stage", {"k": 1}, 11, 4, never))


def test_joined_chunks_are_read_from_one_file_each(tmp_path):
    store = Store(tmp_path)
    found = store.chunked("stage", {}, 11, 4, squares)
    assert all(isinstance(array.base, np.memmap) for array in found.values())
    with pytest.raises(ValueError, match="read-only"):
        found["squares"][0] = 1
    names = [path.name for path in stored_files(tmp_path)]
    assert names == [".auditlens-files.json", "000-squares.npy", "001-pairs.npy"], "chunks are kept once"
    assert (store.hits, store.misses) == (0, 3)
    warm, seen = Store(tmp_path), []
    warm.chunked("stage", {}, 11, 4, never, lambda *done: seen.append(done))
    assert (warm.hits, warm.misses, seen) == (3, 0, [(11, 11)])


@pytest.mark.parametrize("harm", ["alter", "cut", "remove"])
def test_a_joined_file_that_was_altered_is_computed_again(tmp_path, harm):
    fresh = {name: np.array(array) for name, array in Store(tmp_path).chunked("stage", {}, 11, 4, squares).items()}
    path = next(path for path in stored_files(tmp_path) if path.name.endswith("pairs.npy"))
    raw = path.read_bytes()
    path.unlink()
    if harm != "remove":
        path.write_bytes(raw[:-1] + (b"?" if harm == "alter" else b""))
    identical(Store(tmp_path).chunked("stage", {}, 11, 4, squares), fresh)


def test_one_chunk_is_held_at_a_time(tmp_path):
    held = []

    def large(start, stop):
        made = np.full((stop - start, 1000), start)
        held.append(weakref.ref(made))
        assert sum(ref() is not None for ref in held) <= 2
        return {"x": made}

    assert Store(tmp_path).chunked("stage", {}, 40, 4, large)["x"].shape == (40, 1000)


def test_rows_may_be_empty_or_text(tmp_path):
    def rows(start, stop):
        return {"none": np.empty((stop - start, 0), np.float32), "text": np.array(["ab", "c", "d"][start:stop], "U2")}

    found = Store(tmp_path).chunked("stage", {}, 3, 2, rows)
    assert found["none"].shape == (3, 0) and found["text"].tolist() == ["ab", "c", "d"]


def test_chunks_of_different_form_are_refused(tmp_path):
    with pytest.raises(ValueError, match="chunks differ in form"):
        Store(tmp_path).chunked("stage", {}, 3, 2, lambda a, b: {"x": np.zeros((b - a, 1 + a))})


def test_no_items_are_no_chunks(tmp_path):
    assert Store(tmp_path).chunked("stage", {}, 0, 4, never) == {}


def test_a_chunk_must_cover_its_rows(tmp_path):
    with pytest.raises(ValueError, match="a chunk of 4 rows"):
        Store(tmp_path).chunked("stage", {}, 8, 4, lambda a, b: {"x": np.zeros(3)})
    assert not stored_files(tmp_path)


def fill(folder: Path):
    (folder / "deep").mkdir()
    (folder / "deep" / "a.txt").write_text("a")
    (folder / "b.txt").write_text("b")


def test_folder_is_filled_once(tmp_path):
    folder = Store(tmp_path).folder("stage", {"a": 1}, fill)
    assert (folder / "deep" / "a.txt").read_text() == "a"
    assert Store(tmp_path).folder("stage", {"a": 1}, never) == folder


@pytest.mark.parametrize("harm", ["alter", "remove", "add"])
def test_an_altered_folder_is_filled_again(tmp_path, harm):
    store = Store(tmp_path)
    folder = store.folder("stage", {}, fill)
    if harm == "alter":
        (folder / "b.txt").write_text("c")
    elif harm == "remove":
        (folder / "deep" / "a.txt").unlink()
    else:
        (folder / "c.txt").write_text("c")
    again = store.folder("stage", {}, fill)
    assert again == folder
    assert (folder / "b.txt").read_text() == "b"
    assert (folder / "deep" / "a.txt").is_file()
    assert not (folder / "c.txt").exists()


def test_a_folder_that_another_run_made_meanwhile_stays(tmp_path):
    def slow(place):
        fill(place)
        Store(tmp_path).folder("stage", {}, fill)

    folder = Store(tmp_path).folder("stage", {}, slow)
    assert (folder / "b.txt").read_text() == "b"
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = write_bytes_atomically(tmp_path / "x", b"old")

    def half(file):
        file.write(b"ne")
        raise RuntimeError("cut")

    with pytest.raises(RuntimeError):
        write_atomically(path, half)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]


def test_a_store_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "file" / "store")
    with pytest.raises(InputError, match="cannot write"):
        store.json("stage", {}, lambda: 1)
    with pytest.raises(InputError, match="cannot write"):
        store.folder("stage", {}, fill)


def test_default_root(monkeypatch, tmp_path):
    monkeypatch.setenv("AUDITLENS_STORE", str(tmp_path / "own"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert default_root() == tmp_path / "own"
    monkeypatch.delenv("AUDITLENS_STORE")
    assert default_root() == tmp_path / "cache" / "auditlens"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_root() == tmp_path / ".cache" / "auditlens"


def test_code_version_is_a_hash_that_stays():
    assert content.code_version() == content.code_version()
    assert len(content.code_version()) == len(hashlib.sha256().hexdigest())
