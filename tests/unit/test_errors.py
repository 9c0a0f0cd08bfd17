"""Suggestions: near, and never dear."""

import time

import pytest

from auditlens.errors import nearest


@pytest.mark.parametrize("n_others", [0, 5000])
@pytest.mark.parametrize("word", ["rulr", "rulerr", "rular", "urler", "Ruler", "rule"])
def test_one_sign_is_told_among_few_and_among_many(word, n_others):
    assert nearest(word, ["ruler", "ink", *(f"concept_{n}" for n in range(n_others))]) == "; did you mean 'ruler'?"


@pytest.mark.parametrize("n_others", [0, 5000])
def test_what_is_far_from_all_suggests_nothing(n_others):
    assert nearest("zebra", ["ruler", "ink", *(f"concept_{n}" for n in range(n_others))]) == ""
    assert nearest("r" * 100_000, ["ruler", *(f"concept_{n}" for n in range(n_others))]) == ""


def test_thousands_of_words_among_thousands_of_names_are_answered_at_once():
    names = [f"concept_{n}" for n in range(10_000)]
    before = time.process_time()
    assert all(nearest(f"conzept_{n}", names) == f"; did you mean 'concept_{n}'?" for n in range(0, 500, 7))
    assert time.process_time() - before < 2
