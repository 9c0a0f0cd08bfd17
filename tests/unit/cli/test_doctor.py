"""`auditlens doctor`: what is there, what is missing, how to get it."""

import json
import sys
from importlib import metadata

import pytest

from auditlens.cli import checks, doctor
from auditlens.cli.checks import Check
from auditlens.cli.main import main

GOOD = Check("a part", True, "1.0", required=True)
ABSENT = Check("an extra", False, "no device", remedy="none is needed")
MISSING = Check("another part", False, "not installed", required=True, remedy="Debian: this\nconda: that")


@pytest.mark.parametrize(("found", "code"), [([GOOD], 0), ([GOOD, ABSENT], 0), ([GOOD, ABSENT, MISSING], 2)])
def test_the_exit_code_is_2_where_a_required_part_is_missing(monkeypatch, capsys, found, code):
    monkeypatch.setattr(doctor, "all_checks", lambda: found)
    assert main(["doctor"]) == code


def test_the_text_says_how_to_get_what_is_missing(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "all_checks", lambda: [GOOD, ABSENT, MISSING])
    main(["doctor"])
    out = capsys.readouterr().out
    assert "ok      a part" in out
    assert "note    an extra" in out
    assert "MISSING another part  not installed" in out
    assert "-> Debian: this" in out
    assert "-> conda: that" in out
    assert out.endswith("not complete: see the parts marked MISSING\n")


def test_the_json_holds_the_same(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "all_checks", lambda: [GOOD, MISSING])
    assert main(["doctor", "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert told["complete"] is False
    assert told["checks"][0] == {"name": "a part", "ok": True, "required": True, "found": "1.0", "remedy": ""}
    assert told["checks"][1]["remedy"].startswith("Debian")


def test_every_dependency_is_looked_up_and_a_missing_one_named(monkeypatch):
    def version(name):
        if name == "weasyprint":
            raise metadata.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(checks.metadata, "version", version)
    found = {check.name: check for check in checks._packages()}
    assert {"torch", "click", "pydantic", "weasyprint"} <= set(found)
    assert "pytest" not in found
    assert not found["weasyprint"].ok
    assert found["weasyprint"].remedy.startswith("pip install 'weasyprint")


def test_what_only_onnx_files_need_is_no_fault_where_it_is_missing(monkeypatch):
    def version(name):
        if name == "onnxruntime":
            raise metadata.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(checks.metadata, "version", version)
    check = checks._onnx()
    assert (check.ok, check.required, check.found) == (False, False, "onnxruntime is not installed")
    assert "pip install 'auditlens[onnx]'" in check.remedy
    monkeypatch.setattr(checks.metadata, "version", lambda name: "1.0")
    assert checks._onnx().found == "onnx 1.0, onnxruntime 1.0"


def test_a_pair_that_does_not_fit_is_told_with_its_remedy(monkeypatch):
    def broken(name):
        raise RuntimeError("operator torchvision::nms does not exist\nmore")

    monkeypatch.setattr(checks.importlib, "import_module", broken)
    check = checks._imports("torchvision")
    assert (check.ok, check.found) == (False, "operator torchvision::nms does not exist")
    assert "pip install" in check.remedy


def test_a_missing_pango_is_told_for_three_systems(monkeypatch):
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    (check,) = checks._pdf()
    assert not check.ok
    assert check.required
    for system in ("Debian", "conda", "macOS"):
        assert system in check.remedy


def test_a_pdf_is_really_rendered_with_a_font():
    rendered, fonts = checks._pdf()
    assert rendered.ok, rendered.found
    assert fonts.ok


@pytest.mark.parametrize("exists", [True, False])
def test_the_store_is_shown_with_its_size(monkeypatch, tmp_path, exists):
    monkeypatch.setenv("AUDITLENS_STORE", str(tmp_path / "store"))
    if exists:
        (tmp_path / "store").mkdir()
        (tmp_path / "store" / "a").write_bytes(b"x" * 2_000_000)
    check = checks._store()
    assert check.ok
    assert check.found == f"{tmp_path / 'store'}, {'2 MB' if exists else 'empty'}"


def test_a_store_that_cannot_be_written_is_told(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("AUDITLENS_STORE", str(tmp_path / "file" / "store"))
    check = checks._store()
    assert not check.ok
    assert "AUDITLENS_STORE" in check.remedy


def test_processor_memory_and_python_are_described():
    assert "cores usable" in checks._processor().found
    assert checks._memory().found.endswith("GB")
    assert checks._python().ok
