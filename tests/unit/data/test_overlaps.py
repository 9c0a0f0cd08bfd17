import pytest

from auditlens.data.overlaps import Ids, ids_of, list_overlaps, set_overlaps
from auditlens.data.salted import SaltedList, salted
from auditlens.errors import InputError
from auditlens.spec.model import Data
from auditlens.store import Store
from tests.unit.data.conftest import picture, write_csv

SALT = "0123456789abcdef"


@pytest.fixture
def index_of(tmp_path, read):
    """Read a set from rows of (picture, patient): the same number gives the same bytes."""

    def make(name, rows, **data):
        for number, _ in rows:
            path = tmp_path / name / f"{number}.png"
            path.parent.mkdir(exist_ok=True)
            picture(number).save(path)
        table = [["image", "label", "patient"], *([f"{number}.png", "benign", patient] for number, patient in rows)]
        write_csv(tmp_path / name / "m.csv", table)
        return read(manifest=f"{name}/m.csv", **{"unit": "patient"} | data)

    return make


def test_units_and_images_in_common_are_counted_pair_by_pair(index_of):
    first = index_of("a", [(1, "p"), (2, "p"), (3, "q")])
    second = index_of("b", [(3, "r"), (4, "p"), (5, "s")])
    third = index_of("c", [(9, "z")])
    found = {(row.first, row.second): row for row in set_overlaps({"a": first, "b": second, "c": third})}
    assert (found["a", "b"].n_units, found["a", "b"].n_images) == (1, 1)
    assert (found["a", "c"].n_units, found["a", "c"].n_images) == (0, 0)
    assert len(found) == 3


def test_units_of_different_columns_are_not_compared(index_of):
    first, second = index_of("a", [(1, "p")]), index_of("b", [(2, "p")], unit=None)
    row = set_overlaps({"a": first, "b": second})[0]
    assert (row.n_units, row.note) == (None, "a set has no unit column")


def test_images_without_a_unit_share_none(index_of):
    """Both lack a unit, and are called the same: which says nothing."""
    first, second = index_of("a", [(1, "")]), index_of("b", [(1, ""), (2, "p")])
    row = set_overlaps({"a": first, "b": second})[0]
    assert (row.n_units, row.n_images) == (0, 1)


def test_ids_are_read_as_the_manifest_writes_them(tmp_path, index_of):
    index = index_of("a", [(1, "0012345678"), (2, ""), (3, "0012345678")])
    data = Data(manifest="a/m.csv", unit="patient")
    store = Store(tmp_path / "store")
    assert ids_of(data, index, None, tmp_path, store) == Ids("patient", frozenset({"0012345678"}), 1)
    assert ids_of(data, index, "label", tmp_path, store).distinct == {"benign"}
    with pytest.raises(InputError, match=r"no column 'patiend'.*did you mean 'patient'"):
        ids_of(data, index, "patiend", tmp_path, store)
    with pytest.raises(InputError, match="which column holds the ids"):
        ids_of(Data(manifest="a/m.csv"), index, None, tmp_path, store)


def test_found_ids_are_counted_by_list(tmp_path):
    lists = [
        SaltedList(tmp_path / name, "0" * 64, frozenset(salted(text, SALT) for text in ids))
        for name, ids in (("train.salted", "pqr"), ("clip.salted", "z"))
    ]
    found = list_overlaps("test", Ids("patient", frozenset("pqs"), 2), lists, SALT)
    assert [(row.file, row.n_listed, row.n_checked, row.n_found, row.n_without) for row in found] == [
        ("train.salted", 3, 3, 2, 2),
        ("clip.salted", 1, 3, 0, 2),
    ]
