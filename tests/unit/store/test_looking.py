"""A store that looks: it tells what is there, and computes nothing."""

import numpy as np
import pytest

from auditlens.store import Store
from auditlens.store.laps import Spent
from auditlens.store.looking import Look, LookingStore, NotStoredError
from auditlens.store.rates import Rates, all_rates, keep_rates


def never(*_):
    raise AssertionError("a looking store computed something")


def rows(start, stop):
    return {"x": np.arange(start, stop)}


def test_what_is_there_is_read(tmp_path):
    Store(tmp_path).arrays("one", {"a": 1}, lambda: {"x": np.ones(3)}, n_items=3)
    store = LookingStore(tmp_path)
    assert store.arrays("one", {"a": 1}, never, n_items=3)["x"].tolist() == [1, 1, 1]
    assert store.looks == [Look("one", 3, 3)]


def test_what_may_be_there_is_a_look_where_it_is(tmp_path):
    Store(tmp_path).arrays("one", {"a": 1}, lambda: {"x": np.ones(3)}, n_items=3)
    store, plain = LookingStore(tmp_path), Store(tmp_path)
    for one in (store, plain):
        assert one.kept_arrays("one", {"a": 1}, n_items=3)["x"].tolist() == [1, 1, 1]
        assert one.kept_arrays("one", {"a": 2}, n_items=3) is None
    assert store.looks == [Look("one", 3, 3)]
    assert (plain.hits, plain.misses, [row.n_items for row in plain.used.values()]) == (1, 0, [3])


def test_what_is_not_there_is_told_and_not_computed(tmp_path):
    store = LookingStore(tmp_path)
    with pytest.raises(NotStoredError):
        store.arrays("one", {"a": 2}, never, n_items=5)
    with pytest.raises(NotStoredError):
        store.chunked("many", {"a": 2}, 10, 4, never)
    assert store.looks == [Look("one", 5, 0), Look("many", 10, 0)]
    assert not list(tmp_path.iterdir())


def test_joined_chunks_are_read(tmp_path):
    Store(tmp_path).chunked("many", {"a": 1}, 10, 4, rows)
    store = LookingStore(tmp_path)
    assert np.asarray(store.chunked("many", {"a": 1}, 10, 4, never)["x"]).tolist() == list(range(10))
    assert store.looks == [Look("many", 10, 10)]


def test_chunks_of_a_run_that_was_cut_off_count(tmp_path):
    def cut_off(start, stop):
        if start >= 8:
            raise KeyboardInterrupt
        return rows(start, stop)

    with pytest.raises(KeyboardInterrupt):
        Store(tmp_path).chunked("many", {"a": 1}, 10, 4, cut_off)
    store = LookingStore(tmp_path)
    with pytest.raises(NotStoredError):
        store.chunked("many", {"a": 1}, 10, 4, never)
    assert store.looks == [Look("many", 10, 8)]


def test_a_store_notes_what_it_was_asked_for_and_what_it_computed(tmp_path):
    first, second = Store(tmp_path), Store(tmp_path)
    first.chunked("many", {"a": 1}, 10, 4, rows)
    second.chunked("many", {"a": 1}, 10, 4, never)
    assert first.spent["many"].n_items == 10
    assert second.spent == {}
    assert first.used == second.used
    (used,) = first.used.values()
    assert (used.stage, used.n_items) == ("many", 10)
    assert (tmp_path / used.place).is_dir()


def test_rates_of_what_was_read_stay_those_of_what_was_computed(tmp_path):
    about = {"model": "m"}
    stages = {"one": Spent(10, 2.0, 1.0), "two": Spent(4, 1.0, 0.5)}
    keep_rates(tmp_path, Rates(about, stages, {"reports": Spent(30, 9.0, 8.0)}, peak=5))
    keep_rates(tmp_path, Rates(about, {"two": Spent(4, 3.0, 2.0)}, {"judging": Spent(30, 7.0, 6.0)}, peak=3))
    (found,) = all_rates(tmp_path)
    assert found.stages == {"one": Spent(10, 2.0, 1.0), "two": Spent(4, 3.0, 2.0)}
    assert found.beside == {"reports": Spent(30, 9.0, 8.0), "judging": Spent(30, 7.0, 6.0)}
    assert found.peak == 5


def test_a_broken_file_of_rates_is_passed_over(tmp_path):
    (tmp_path / "rates").mkdir()
    (tmp_path / "rates" / "x.json").write_text("{")
    assert list(all_rates(tmp_path)) == []
