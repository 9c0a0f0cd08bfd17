import numpy as np
import pandas as pd
import pytest

from auditlens.data.tables import numeric, read_table
from auditlens.errors import InputError

from .conftest import write_csv


def cells(path):
    return [dict(row.cells) for row in read_table(path).rows]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_dialects(tmp_path, encoding, delimiter):
    rows = [("image", " label "), ("a, b; c.png", 'a "quoted" label'), ("ü.png", "x\ny")]
    path = write_csv(tmp_path / "m.csv", rows, encoding=encoding, delimiter=delimiter)
    assert cells(path) == [
        {"image": "a, b; c.png", "label": 'a "quoted" label'},
        {"image": "ü.png", "label": "x\ny"},
    ]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_lines_are_those_of_the_file(tmp_path, line_end):
    text = line_end.join(["image,label", "a.png,1", "", 'b.png,"two', 'lines"', "c.png"])
    path = tmp_path / "m.csv"
    path.write_bytes(text.encode())
    table = read_table(path)
    assert [row.location.line for row in table.rows] == [2, 4, 6]
    assert table.rows[2].cells == {"image": "c.png", "label": None}


@pytest.mark.parametrize("text", ["", "NA", "N/A", "nan", "NaN", "null", "  "])
def test_missing_cells(tmp_path, text):
    path = write_csv(tmp_path / "m.csv", [("image", "label"), ("a.png", text)])
    assert cells(path) == [{"image": "a.png", "label": None}]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"image,label\na.png,1,2\n", "m.csv:2: 3 cells under 2"),
        (b"image,image\na,b\n", "'image' appear twice"),
        (b"image,label\n", "no rows"),
        (b"", "no rows"),
        (b"image,label\n\xff\xfe,1\n", "not UTF-8"),
        (b'image,label\n"a.png,1\n', "no valid CSV"),
    ],
)
def test_faults_are_located(tmp_path, content, words):
    path = tmp_path / "m.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_table(path)


def test_parquet_and_csv_give_the_same_cells(tmp_path):
    frame = pd.DataFrame(
        {
            "image": ["a.png", "b.png"],
            "label": ["benign", None],
            "patient": [12, 13],
            "ruler": [True, False],
            "age": [41.5, np.nan],
            "n": [1.0, 2.0],
        }
    )
    frame.to_parquet(tmp_path / "m.parquet")
    frame.assign(ruler=[1, 0], n=[1, 2]).to_csv(tmp_path / "m.csv", index=False)
    assert cells(tmp_path / "m.parquet") == cells(tmp_path / "m.csv")
    assert str(read_table(tmp_path / "m.parquet").rows[1].location).endswith("m.parquet:row 2")


def test_damaged_and_absent_tables(tmp_path):
    (tmp_path / "m.parquet").write_bytes(b"PAR1nonsense")
    with pytest.raises(InputError, match="no valid Parquet"):
        read_table(tmp_path / "m.parquet")
    with pytest.raises(InputError, match="does not exist"):
        read_table(tmp_path / "absent.csv")


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1.0), ("-2.5e3", -2500.0), ("TRUE", 1.0), ("false", 0.0), ("inf", None), ("1,5", None), ("x", None)],
)
def test_numeric(text, value):
    assert numeric(text) == value
