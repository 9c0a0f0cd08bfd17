"""Files that are no spec at all, and YAML that a spec must not contain: one located error each."""

import os

import pytest
import yaml

from auditlens.spec import reading
from auditlens.spec.nodes import Problems, plain
from auditlens.spec.reading import parse


def read(text):
    problems = Problems()
    return plain(parse(text, "s.yaml", problems)), tuple(map(str, problems.errors))


def test_a_missing_file_names_its_nearest_neighbour(bench):
    bench.write("auditlens: 1", "other.yaml")
    from auditlens.errors import SpecError
    from auditlens.spec.load import load_spec

    with pytest.raises(SpecError, match=r"othr.yaml: there is no such file; did you mean 'other.yaml'\?"):
        load_spec(bench.folder / "othr.yaml")


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "spec.yaml:1:1: the file is empty; a spec begins with 'auditlens: 1'"),
        (b"# only a comment\n", "spec.yaml:1:1: the file is empty; a spec begins with 'auditlens: 1'"),
        (b"- a\n- b\n", "spec.yaml:1:1: a spec is a mapping that begins with 'auditlens: 1'"),
        (b"just text", "spec.yaml:1:1: a spec is a mapping that begins with 'auditlens: 1'"),
        (b"auditlens: 1\nid: \xff\xfe\n", "spec.yaml:2:5: the file is not UTF-8 text; save it as UTF-8"),
        ("auditlens: 1".encode("utf-16"), "spec.yaml:1:1: the file is UTF-16; save it as UTF-8"),
        (b"auditlens: 1\nab: \0\n", "spec.yaml:2:5: the file is binary, not YAML text"),
        (b"a: 1\n---\nb: 2\n", "spec.yaml:2:1: a second document; a spec is one document"),
        (b"a: [1,\nb: 2\n", "spec.yaml:3:1: not valid YAML: while parsing a flow sequence, did not find expected"),
        (b"a: 1\n\tb: 2\n", "spec.yaml:2:1: not valid YAML: while scanning a plain scalar, found a tab"),
        (b"a: *b\n", "spec.yaml:1:4: the alias '*b' has no anchor before it"),
        (b"a: &b\n  c: *b\n", "spec.yaml:2:6: the alias '*b' stands inside its own anchor"),
        (b"? [a, b]\n: c\n", "spec.yaml:1:3: a key must be plain text"),
    ],
)
def test_what_is_no_spec_gives_one_located_error(bench, raw, problem):
    assert bench.problem(raw).startswith(problem)


def test_a_file_over_a_megabyte_is_refused_before_it_is_parsed(bench, monkeypatch):
    monkeypatch.setattr(reading, "_LOADER", None)
    assert "larger than 1 MB" in bench.problem(b"a: " + b"x" * 1_000_000)


def test_a_folder_and_a_device_are_refused(bench):
    from auditlens.errors import SpecError
    from auditlens.spec.load import load_spec

    for path in (bench.folder, "/dev/zero"):
        with pytest.raises(SpecError, match="no regular file"):
            load_spec(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_one_error(bench):
    from auditlens.errors import SpecError
    from auditlens.spec.load import load_spec

    path = bench.write("auditlens: 1")
    path.chmod(0)
    with pytest.raises(SpecError, match="cannot be read"):
        load_spec(path)


def test_an_alias_bomb_is_refused_at_once(bench):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    assert "aliases expand this to more than 100,000 values" in bench.problem("\n".join(lines))


def test_a_merge_bomb_is_refused_at_once(bench):
    wide = "\n".join(f"  k{n}: 1" for n in range(5_000))
    many = "\n".join("  - {<<: *a}" for _ in range(5_000))
    assert "aliases expand this" in bench.problem(f"a: &a\n{wide}\nb:\n{many}\n")


@pytest.mark.parametrize("deep", ["[" * 100_000, "a: " * 200, "{a: " * 50_000, "- " * 100_000])
def test_deep_nesting_is_refused_and_overflows_nothing(bench, deep):
    assert bench.problems(deep)


def test_duplicate_keys_are_all_told_with_their_place():
    _, problems = read("a: 1\nb:\n  c: 1\n  c: 2\na: 2\n")
    assert problems == (
        "s.yaml:4:3: b.c: the key 'c' stands here twice",
        "s.yaml:5:1: a: the key 'a' stands here twice",
    )


def test_anchors_and_merges_work_and_own_keys_win():
    value, problems = read("base: &b {x: 1, y: 2}\nmore: &m {x: 3, z: 4}\na: {<<: *b, y: 9}\nc: {<<: [*b, *m]}\n")
    assert not problems
    assert value["a"] == {"x": 1, "y": 9}
    assert value["c"] == {"x": 1, "y": 2, "z": 4}


def test_a_merge_of_something_else_is_told():
    _, problems = read("a: {<<: 3}\n")
    assert problems == ("s.yaml:1:5: a.<<: '<<' takes a mapping or a list of mappings, such as '*anchor'",)


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system", "!!binary", "!!timestamp", "!local"])
def test_tags_mean_nothing_and_make_nothing(tag):
    _, problems = read(f"a: {tag} x\n")
    assert problems == (f"s.yaml:1:4: a: the tag {tag} has no meaning in a spec",)


def test_tags_of_mappings_and_lists_are_told_too():
    _, problems = read("a: !!set {x, y}\nb: !!omap [x: 1]\n")
    assert len(problems) == 2


def test_plain_tags_that_say_what_is_so_are_fine():
    value, problems = read('a: !!str 3\nb: !!int 3\nc: !!float 3\nd: ! "3"\n')
    assert not problems
    assert value == {"a": "3", "b": 3, "c": 3, "d": "3"}
    assert read("a: !!int x\n")[1] == ("s.yaml:1:4: a: 'x' is no !!int",)


def test_the_pure_python_parser_reads_the_same(monkeypatch):
    text = "a: &x {b: [1, 2.5, yes, ~]}\nc: {<<: *x}\nd: 'q'\n"
    fast = read(text)
    monkeypatch.setattr(reading, "_LOADER", yaml.SafeLoader)
    assert read(text) == fast
