"""Columns as subgroups: values in order, crossed pairs, and what is no grouping."""

from pathlib import Path

import pytest

from auditlens.data.sample import DataIndex, Sample
from auditlens.data.subgroups import objection, partitions, planned_strata
from auditlens.errors import Location


def index_of(rows):
    """Rows of (label, unit, columns)."""
    columns = tuple(rows[0][2])
    samples = tuple(
        Sample(
            id=f"{number:03d}.png",
            path=Path(f"/x/{number:03d}.png"),
            label=label,
            unit=unit,
            mask=None,
            columns=cells,
            digest=f"{number:064d}",
            location=Location("m.csv", number + 2),
        )
        for number, (label, unit, cells) in enumerate(rows)
    )
    return DataIndex(
        samples=samples,
        classes=("benign", "melanoma"),
        source="m.csv",
        unit_column="unit",
        within=(),
        columns=columns,
        n_left_out=0,
        notes=(),
        digest="0" * 64,
    )


ROWS = [
    (0, "p1", {"site": "north", "grade": 10.0, "age": 20.5}),
    (1, "p1", {"site": "north", "grade": 2.0, "age": 33.0}),
    (1, "p2", {"site": "south", "grade": 2.0, "age": 41.0}),
    (0, "p3", {"site": None, "grade": 10.0, "age": 64.0}),
]


def test_values_are_in_order_and_numbers_by_size():
    split = partitions(index_of(ROWS), ["site", "grade"])
    assert split["site"].values == ("north", "south")
    assert split["site"].codes.tolist() == [0, 0, 1, -1]
    assert split["grade"].values == ("2", "10")
    assert split["grade"].holds("10").tolist() == [True, False, False, True]


def test_the_family_holds_values_then_pairs_that_occur():
    found = planned_strata(index_of(ROWS), ("site", "grade"), (("melanoma", "site"), ("site", "grade")), 30)
    rows = {row.stratum.name: row for row in found.strata}
    assert list(rows) == [
        "site north", "site south", "grade 2", "grade 10",
        "melanoma images, site north", "melanoma images, site south",
        "site north, grade 2", "site north, grade 10", "site south, grade 2",
    ]  # fmt: skip
    north = rows["site north"]
    assert (north.n_images, north.n_units, north.class_counts) == (2, 1, {"benign": 1, "melanoma": 1})
    assert rows["melanoma images, site north"].class_counts == {"melanoma": 1}
    assert found.n_empty == {"site": 1}
    assert found.values("site") == ("north", "south")


def test_what_is_no_grouping_is_told_with_what_to_write():
    many = [(0, f"p{n}", {"age": n + 0.5, "name": f"patient {n}", "empty": None}) for n in range(60)]
    index = index_of(many)
    assert "60 different numbers" in objection(index, "age")
    assert "such as age_group with '< 20.2', '20.2 to 39.8' and '> 39.8', and name that" in objection(index, "age")
    assert "add a coarser column" in objection(index, "name")
    assert objection(index, "empty") == "every cell of the column 'empty' is empty"
    assert objection(index, "nmae") == (
        "the data has no column 'nmae'; valid are age, name, empty; did you mean 'name'?"
    )
    assert objection(index_of(ROWS), "grade") is None


@pytest.mark.parametrize("n", [12, 13])
def test_up_to_twelve_numbers_are_a_grouping(n):
    index = index_of([(0, f"p{k}", {"grade": float(k)}) for k in range(n)])
    assert (objection(index, "grade") is None) == (n <= 12)
