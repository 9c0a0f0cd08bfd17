"""Where paths lead, in a checkout and in a wheel."""

from pathlib import Path

import pytest

import auditlens
from auditlens.errors import InputError, SpecError
from auditlens.spec import paths
from auditlens.spec.paths import rebased, resolve, share_folder

PACKAGE = Path(auditlens.__file__).parent


def test_paths_are_relative_absolute_home_or_packaged(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    assert resolve("a/b.txt", tmp_path) == tmp_path / "a/b.txt"
    assert resolve("/a/b.txt", tmp_path) == Path("/a/b.txt")
    assert resolve("~/b.txt", tmp_path) == Path("/home/somebody/b.txt")
    assert resolve("package:auditlens/version.py", tmp_path) == PACKAGE / "version.py"


def test_a_package_is_found_without_being_imported(tmp_path, monkeypatch):
    folder = tmp_path / "some_models"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise SystemExit('imported')")
    (folder / "w.bin").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert resolve("package:some_models/w.bin", Path()) == folder / "w.bin"


@pytest.mark.parametrize("text", ["", "a\0b", "package:", "package:a b/c", "package:../c", "package:json.decoder/x"])
def test_what_is_no_path_is_told(text):
    with pytest.raises(SpecError):
        resolve(text, Path())


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("w.bin", "file", "sub/w.bin"),
        ("../w.bin", "file", "w.bin"),
        ("/w.bin", "file", "/w.bin"),
        ("~/w.bin", "file", "~/w.bin"),
        ("package:a/b", "file", "package:a/b"),
        ("local-dir:clip", "foundation", "local-dir:sub/clip"),
        ("local-dir:package:a/clip", "foundation", "local-dir:package:a/clip"),
        ("ViT-B-32", "foundation", "ViT-B-32"),
        ("looks.jsonl", "written", "sub/looks.jsonl"),
        ("a.png", "image", "a.png"),
        ("./a.png", "image", "sub/a.png"),
        ("../a.png", "image", "a.png"),
    ],
)
@pytest.mark.parametrize("is_here", [True, False])
def test_paths_of_included_files_are_rewritten_whatever_is_there(tmp_path, text, kind, expected, is_here):
    for name in ("w.bin", "a.png", "sub/w.bin", "sub/a.png") if is_here else ():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert rebased(text, written_in=tmp_path / "sub", base=tmp_path, kind=kind) == expected


def test_paths_into_the_tool_do_not_depend_on_where_it_is_installed(tmp_path):
    library = PACKAGE / "spec" / "library" / "concepts"
    assert rebased("refs", written_in=library, base=tmp_path, kind="folder") == (
        "package:auditlens/spec/library/concepts/refs"
    )


def test_the_shared_folders_are_found_in_a_checkout():
    assert (share_folder("specs") / "auditlens-1.schema.json").is_file()


def test_the_shared_folders_of_a_wheel_come_first(tmp_path, monkeypatch):
    package = tmp_path / "auditlens"
    (package / "_share" / "specs").mkdir(parents=True)
    (tmp_path / "specs").mkdir()
    monkeypatch.setattr(paths, "ROOT", package)
    assert share_folder("specs") == package / "_share" / "specs"
    with pytest.raises(InputError, match="'templates' of auditlens is missing"):
        share_folder("templates")
