"""Unquoted scalars are read by YAML 1.2, whose surprises are fewer than those of 1.1."""

import pytest

from auditlens.spec.scalars import described, read_scalar


@pytest.mark.parametrize(
    "text", ["yes", "no", "on", "off", "y", "N", "12:30:45", "2027-03-31", "1_000", "0b1", "-", "1.2.3"]
)
def test_words_that_yaml_1_1_would_convert_stay_text(text):
    assert read_scalar(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("-7", -7),
        ("+7", 7),
        ("0x1F", 31),
        ("0o17", 15),
        ("007", 7),
        (".5", 0.5),
        ("2.", 2.0),
        ("1E5", 1e5),
    ],
)
def test_numbers(text, value):
    found = read_scalar(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(("text", "value"), [("", None), ("~", None), ("Null", None), ("TRUE", True), ("false", False)])
def test_words_with_a_meaning(text, value):
    assert read_scalar(text) is value


@pytest.mark.parametrize("text", [".nan", "-.inf", "1e999", "9" * 5000])
def test_what_is_no_usable_number_is_refused(text):
    with pytest.raises(ValueError, match="quote it"):
        read_scalar(text)


def test_values_are_named_in_plain_words():
    names = [described(value) for value in (None, True, 3, "a", [1], {"a": 1}, "x" * 100)]
    assert names[:6] == ["nothing", "true", "the number 3", "the text 'a'", "a list", "a mapping"]
    assert len(names[6]) < 80
