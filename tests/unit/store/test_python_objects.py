import sys
from pathlib import Path

import pytest

from auditlens.errors import InputError, ModelError
from auditlens.store.python_objects import load_function, source_sha256


@pytest.fixture
def two_namesakes(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "namesake_x.py").write_text(f"def who():\n    return {name!r}\n")
    yield tmp_path
    sys.modules.pop("namesake_x", None)


def test_a_namesake_from_another_folder_is_not_taken(two_namesakes):
    one = load_function("namesake_x:who", two_namesakes / "one")
    two = load_function("namesake_x:who", two_namesakes / "two")
    assert (one(), two()) == ("one", "two")
    assert source_sha256(one) != source_sha256(two)


def test_an_edited_module_is_read_again(two_namesakes):
    """Within one process, as in a notebook: the old code must not pass for the new file's hash."""
    folder = two_namesakes / "one"
    first = load_function("namesake_x:who", folder)
    assert load_function("namesake_x:who", folder) is first
    (folder / "namesake_x.py").write_text("def who():\n    return 'edited'\n")
    assert load_function("namesake_x:who", folder)() == "edited"


def test_an_edited_module_beside_it_is_read_again(tmp_path):
    (tmp_path / "part_x.py").write_text("WORD = 'first'\n")
    (tmp_path / "whole_x.py").write_text("from part_x import WORD\n\n\ndef who():\n    return WORD\n")
    assert load_function("whole_x:who", tmp_path)() == "first"
    (tmp_path / "part_x.py").write_text("WORD = 'second'\n")
    assert load_function("whole_x:who", tmp_path)() == "second"


def test_our_own_modules_are_never_dropped():
    """Whatever the import path: another copy of a class is another class."""
    import auditlens
    from auditlens.testbed import models

    root = Path(auditlens.__file__).parents[1]
    assert load_function("auditlens.testbed.models:small_cnn", root) is models.small_cnn
    assert sys.modules["auditlens"] is auditlens


def test_the_import_path_is_left_as_it_was(two_namesakes):
    before = list(sys.path)
    load_function("namesake_x:who", two_namesakes / "one")
    with pytest.raises(InputError):
        load_function("no_such_module:who", two_namesakes)
    assert sys.path == before


def test_messages_say_what_is_valid(two_namesakes):
    with pytest.raises(ModelError, match="did you mean 'who'"):
        load_function("namesake_x:whom", two_namesakes / "one", ModelError)
    with pytest.raises(InputError, match="module:function"):
        load_function("namesake_x")
    (two_namesakes / "broken_x.py").write_text("1 / 0\n")
    with pytest.raises(InputError, match="ZeroDivisionError"):
        load_function("broken_x:f", two_namesakes)


def test_functions_without_source_have_a_hash_too():
    assert source_sha256(len) != source_sha256(abs)
