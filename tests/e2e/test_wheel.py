"""The built wheel holds what it needs, nothing else, and works from an empty directory without the checkout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from auditlens.version import __version__

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"
NEEDED = (
    "auditlens/py.typed",
    "auditlens/_share/templates/report.html.j2",
    "auditlens/_share/templates/report.css",
    "auditlens/_share/templates/fonts/Inter-Regular.woff2",
    "auditlens/_share/specs/demo_dermoscopy.yaml",
    "auditlens/_share/specs/demo_dermoscopy_clean.yaml",
    "auditlens/_share/specs/auditlens-1.schema.json",
    "auditlens/spec/library/concepts/abcde.yaml",
    "auditlens/spec/library/artefacts/dermoscopy.yaml",
    "auditlens/testbed/weights/ruler_planted.safetensors",
    "auditlens/testbed/weights/ruler_clean.safetensors",
    "auditlens/testbed/weights/foundation/open_clip_config.json",
    "auditlens/testbed/weights/foundation/open_clip_model.safetensors",
)
LARGEST = 20_000_000

pytestmark = pytest.mark.long


def run(*command: object, **options: object) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built by the environment's own hatchling where there is one, else in isolation."""
    folder = tmp_path_factory.mktemp("wheel")
    isolated = subprocess.run([sys.executable, "-c", "import hatchling"], capture_output=True, check=False).returncode
    options = [] if isolated else ["--no-build-isolation"]
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", *options, "--wheel-dir", folder, ROOT)
    (built,) = folder.glob("auditlens-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Environment variables with which Python finds the unpacked wheel before the checkout, and an empty directory."""
    target = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "pip", "install", "--no-deps", "--quiet", "--no-index", "--target", target, wheel)
    empty = tmp_path_factory.mktemp("empty")
    return target, empty, {**os.environ, "PYTHONPATH": str(target), "OMP_NUM_THREADS": "1"}


def test_what_is_needed_is_inside(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert set(NEEDED) <= names
    committed = run("git", "ls-files", "auditlens", "templates", "specs", cwd=ROOT).splitlines()
    placed = {re.sub(r"^(templates|specs)/", r"auditlens/_share/\1/", name) for name in committed}
    assert placed <= names


def test_nothing_else_is_inside(wheel):
    assert wheel.stat().st_size < LARGEST
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    packed = {Path(name).parts[0] for name in names}
    assert packed == {"auditlens", f"auditlens-{__version__}.dist-info"}
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".png", ".jpg", ".csv"))]


@pytest.mark.skipif(not SHARED.is_dir(), reason="there is no shared data to compare with")
def test_no_shared_data_is_inside(wheel):
    sizes = {path.stat().st_size: path for path in (SHARED / "data").rglob("*") if path.is_file()}
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            twin = sizes.get(entry.file_size)
            if twin is not None and entry.file_size > 200:
                assert archive.read(entry) != twin.read_bytes(), f"{entry.filename} is {twin}"


def test_it_works_from_an_empty_directory(installed):
    target, empty, environment = installed
    command = target / "bin" / "auditlens"
    assert run(sys.executable, command, "--version", cwd=empty, env=environment).strip().endswith(__version__)
    spec = target / "auditlens" / "_share" / "specs" / "demo_dermoscopy.yaml"
    assert "valid" in run(sys.executable, command, "validate", spec, cwd=empty, env=environment)
    code = (
        "import auditlens; from auditlens.spec.paths import share_folder;"
        "print(auditlens.__file__, share_folder('templates'), share_folder('specs'))"
    )
    for place in run(sys.executable, "-c", code, cwd=empty, env=environment).split():
        assert Path(place).is_relative_to(target)
    assert list(empty.iterdir()) == []


def test_an_audit_with_reports_runs_from_the_wheel(installed, tmp_path):
    target, empty, environment = installed
    spec = tmp_path / "spec.yaml"
    demo = target / "auditlens" / "_share" / "specs" / "demo_dermoscopy.yaml"
    spec.write_text(
        f"auditlens: 1\ninclude: ['{demo}']\ndata: {{generate: {{arguments: {{n: 40}}}}}}\n"
        "challenge: {max_images_per_class: 6, n_draws: 1000}\nexamine: {n_examples: 4, max_components: 2}\n"
    )
    options = ["--out", tmp_path / "out", "--store", tmp_path / "store", "--quiet", "--threads", 1]
    command = [sys.executable, target / "bin" / "auditlens", "run", spec, *options]
    done = subprocess.run(
        [str(part) for part in command], cwd=empty, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1, 3), done.stderr
    assert {"report.html", "report.pdf", "record.json"} <= {path.name for path in (tmp_path / "out").iterdir()}
