import shutil
import subprocess

import pytest

from auditlens.errors import InputError
from auditlens.store import RunFolder


def written(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def run(path, *names):
    folder = RunFolder(path)
    for name in names:
        folder.write_text(name, f"content of {name}\n")
    folder.write_manifest()
    return folder


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed")
def test_the_manifest_is_one_that_sha256sum_reads(tmp_path):
    run(tmp_path / "run", "record.json", "images/b c.png", "images/a.png")
    done = subprocess.run(
        ["sha256sum", "--strict", "-c", "MANIFEST.sha256"], cwd=tmp_path / "run", capture_output=True, text=True
    )
    assert done.returncode == 0
    assert done.stdout.splitlines() == ["images/a.png: OK", "images/b c.png: OK", "record.json: OK"]


def test_a_second_run_replaces_the_first_cleanly(tmp_path):
    run(tmp_path, "record.json", "images/old.png", "tables/a.parquet", "odd.txt")
    run(tmp_path, "record.json", "images/new.png")
    assert written(tmp_path) == [".auditlens-run", "MANIFEST.sha256", "images/new.png", "record.json"]
    assert not (tmp_path / "tables").exists()


def test_a_run_cut_off_before_its_manifest_is_replaced_too(tmp_path):
    folder = RunFolder(tmp_path)
    folder.write_text("images/old.png", "x")
    run(tmp_path, "record.json")
    assert written(tmp_path) == [".auditlens-run", "MANIFEST.sha256", "record.json"]


def test_foreign_files_stay_and_are_not_listed(tmp_path):
    run(tmp_path, "record.json")
    (tmp_path / "notes.txt").write_text("mine")
    run(tmp_path, "record.json")
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert "notes.txt" not in (tmp_path / "MANIFEST.sha256").read_text()


def test_a_copy_without_the_marker_loses_only_what_its_manifest_lists(tmp_path):
    run(tmp_path, "record.json", "images/a.png")
    (tmp_path / ".auditlens-run").unlink()
    (tmp_path / "images" / "mine.png").write_text("mine")
    run(tmp_path, "record.json")
    assert written(tmp_path) == [".auditlens-run", "MANIFEST.sha256", "images/mine.png", "record.json"]


def test_other_folders_are_refused_untouched(tmp_path):
    (tmp_path / "thesis.docx").write_text("precious")
    with pytest.raises(InputError, match="no run folder"):
        RunFolder(tmp_path)
    assert written(tmp_path) == ["thesis.docx"]
    with pytest.raises(InputError, match="is a file"):
        RunFolder.check(tmp_path / "thesis.docx")


def test_checking_changes_nothing(tmp_path):
    run(tmp_path, "record.json")
    RunFolder.check(tmp_path)
    RunFolder.check(tmp_path / "absent")
    assert "record.json" in written(tmp_path)
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize("name", ["../out", "/etc/x", "", "images/../../x"])
def test_names_stay_inside(tmp_path, name):
    with pytest.raises(ValueError, match="inside the run folder"):
        RunFolder(tmp_path).place(name)


def test_a_manifest_that_points_outside_removes_nothing_there(tmp_path):
    (tmp_path / "precious").write_text("x")
    folder = run(tmp_path / "run", "record.json").path
    with (folder / "MANIFEST.sha256").open("a") as file:
        file.write(f"{'0' * 64}  ../precious\n")
    RunFolder(folder)
    assert (tmp_path / "precious").exists()
