from pathlib import Path

import pytest

from auditlens.subject.survey import ARCHITECTURES, MARKS, rows, surveyed, table, with_table

TEXT = (Path(__file__).parents[3] / "docs" / "models.md").read_text(encoding="utf-8")


def test_the_published_table_is_about_these_architectures():
    published = TEXT.partition(MARKS[0])[2].partition(MARKS[1])[0]
    assert [line.split()[1] for line in published.splitlines() if ":" in line] == list(ARCHITECTURES)


@pytest.mark.parametrize("architecture", ["torchvision:squeezenet1_1", "timm:mobilenetv3_small_100"])
def test_published_rows_are_current(architecture):
    assert next(rows([surveyed(architecture)])) in TEXT, "run: python -m auditlens.subject.survey --docs docs/models.md"


@pytest.mark.long
def test_the_published_table_is_current():
    assert with_table(TEXT, table()) == TEXT
