"""Code of a spec runs only when it is allowed: through the installed command, and seen in the record."""

import hashlib
import json

import pytest

from auditlens import api, prune
from auditlens.errors import SpecError
from tests.e2e.project import Project, entry_call, installed_call

MARK = "\n\nfrom pathlib import Path\n\nPath(__file__).with_name('it_ran').touch()\n"
STAMP = "def stamp(image, instance, rng, avoid):\n    image[:9, :9] = 200\n    return image\n"


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path)
    network = tmp_path / "tiny_network.py"
    network.write_text(network.read_text() + MARK)
    return made


def ran(project):
    return (project.folder / "it_ran").exists()


def called(project, *leave):
    return [argument for argument in project.arguments() if argument != "--allow-code"] + list(leave)


def test_nothing_is_imported_without_leave(project):
    done = installed_call(*called(project))
    assert done.returncode == 2 and done.stdout == ""
    at = project.spec.read_text().splitlines().index("  architecture: python:tiny_network:build") + 1
    assert done.stderr.startswith(f"{project.spec}:{at}:17: model.architecture: runs 'build'")
    assert "--allow-module tiny_network" in done.stderr
    assert not ran(project) and not project.out.exists()
    for refused in (["--allow-module", "tiny"], ["--allow-module", "tiny_network.more"], ["--allow-module", ""]):
        assert entry_call(*called(project, *refused)).returncode == 2
    with pytest.raises(SpecError, match="tiny_network"):
        api.audit(project.spec, out=project.out)
    assert not ran(project)


def test_what_is_allowed_runs_and_the_record_and_the_report_say_so(project):
    (project.folder / "my_stamp.py").write_text(STAMP)
    artefact = {"kind": "python", "function": "my_stamp:stamp", "import_path": ".", "n_instances": 1}
    project.change({"artefacts": {"stamp": artefact}})
    done = entry_call(*called(project, "--allow-module", "tiny_network", "--allow-module", "my_stamp"))
    assert done.returncode in (0, 1, 3), done.stderr
    assert ran(project)
    code = json.loads(project.record())["plan"]["user_code"]
    sums = [
        hashlib.sha256((project.folder / f"{name}.py").read_bytes()).hexdigest()
        for name in ("tiny_network", "my_stamp")
    ]
    assert code == [f"tiny_network:build {sums[0]}", f"my_stamp:stamp {sums[1]}"]
    html = (project.out / "report.html").read_text()
    assert all(line in html for line in code)

    (project.folder / "it_ran").unlink()
    again = ["prune", str(project.out), "--components", "1:0", "--no-audit", "--store", str(project.store), "--quiet"]
    refused = entry_call(*again)
    assert refused.returncode == 2 and "--allow-module tiny_network" in refused.stderr
    assert "my_stamp" in refused.stderr
    with pytest.raises(SpecError):
        prune(project.out, components=["1:0"], audit_again=False)
    copies = [
        "augment",
        str(project.folder / "images"),
        "--spec",
        str(project.spec),
        "--out",
        str(project.folder / "c"),
    ]
    refused = entry_call(*copies)
    assert refused.returncode == 2 and "my_stamp" in refused.stderr and "tiny_network" not in refused.stderr
    assert entry_call(*copies, "--artefacts", "red_skin").returncode == 0
    assert entry_call(*copies[:-1], str(project.folder / "d"), "--allow-module", "my_stamp").returncode == 0
    assert not ran(project)


def test_a_folder_of_the_spec_cannot_pass_for_our_own_code(project):
    """`import_path` with a package of our name, and with one that our own function imports."""
    for name in ("auditlens", "torch"):
        (project.folder / name).mkdir()
        (project.folder / name / "__init__.py").write_text(MARK.replace("__file__", "__path__[0]"))
    model = {"architecture": "python:auditlens.testbed.models:small_cnn", "weights": None}
    project.change({"model": model})
    done = installed_call(*called(project))
    assert done.returncode in (0, 1, 3), done.stderr
    assert not ran(project)
    assert json.loads(project.record())["plan"]["user_code"] == []
