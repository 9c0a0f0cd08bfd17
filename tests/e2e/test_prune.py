"""`auditlens prune` through the entry point, on the tiny audit: what it writes, what it refuses, its exit codes."""

import copy
import json
import shutil

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from auditlens.spec.load import load_spec
from auditlens.stages.record import AuditRecord
from auditlens.subject import activations, load_subject
from tests.unit.subject.released_files import WRITERS

from .project import Project, brightness_weights, entry_call


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One audit whose run folder the tests read; those that change something copy the project."""
    project = Project(tmp_path_factory.mktemp("prune"))
    project.change({"examine": {"ablation_images": 0}, "challenge": {"response_images": 0}})
    project.run()
    return project


@pytest.fixture
def project(made, tmp_path):
    """A copy that a test may change; its run says that it was made from the copied spec."""
    folder = tmp_path / "copy"
    shutil.copytree(made.folder, folder)
    found = Project.__new__(Project)
    vars(found).update(vars(made), folder=folder, out=folder / "out", store=folder / "store", spec=folder / "spec.yaml")
    found.document = copy.deepcopy(made.document)
    told = json.loads((found.out / "run.json").read_text())
    (found.out / "run.json").write_text(json.dumps({**told, "spec": str(found.spec)}))
    return found


def prune(project, *arguments, run=None):
    given = [str(run or project.out), "--quiet", "--device", "cpu", "--store", str(project.store), *arguments]
    return entry_call("prune", *given, "--allow-module", "tiny_network")


def refused(done):
    assert done.returncode == 2, done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return done.stderr


def test_the_pruned_model_is_written_audited_and_compared(made):
    done = prune(made, "--components", "1:0,1:2", "--out", str(made.folder / "pruned_here"))
    folder = made.folder / "pruned_here"
    record = AuditRecord.model_validate_json((folder / "pruned" / "record.json").read_bytes())
    assert done.returncode == int(record.verdict.exit_code), done.stderr
    assert record.plan.model.silenced == ("1:0", "1:2")
    assert "pruned: 2 components silenced" in (folder / "pruned" / "report.html").read_text(encoding="utf-8")
    examined = {row.id for row in record.findings.components}
    assert examined and not examined & {"1:0", "1:2"}
    loaded = load_spec(folder / "pruned.yaml")
    subject = load_subject(loaded.spec.model, loaded.base)
    output = activations(subject, ("1",), torch.rand(2, 3, 64, 64))["1"]
    assert not output[:, [0, 2]].any() and output.any()
    weights = load_file(folder / "pruned.safetensors")
    assert not weights["0.weight"][[0, 2]].any() and weights["0.weight"][[1, 3]].all()
    card = (folder / "pruned.card.md").read_text(encoding="utf-8")
    assert "By weights: 2." in card and "| works | " in card
    assert "silenced: 1:0, 1:2" in done.stdout
    assert "alarm" in done.stdout and "before" in done.stdout


def test_it_can_be_pruned_again(made, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    assert prune(made, "--components", "1:0", "--out", str(first)).returncode in (0, 1, 3)
    done = prune(made, "--components", "1:2", "--no-audit", "--out", str(second), run=first / "pruned")
    assert done.returncode == 0, done.stderr
    assert yaml.safe_load((second / "pruned.yaml").read_text())["model"]["silenced"] == ["1:0", "1:2"]
    assert not (second / "pruned").exists()


def test_a_model_without_any_component_left_is_audited_all_the_same(made, tmp_path):
    """Nothing divides by the relevance of nothing; a constant model fails where it must work."""
    done = prune(made, "--components", "1:0,1:1,1:2,1:3", "--out", str(tmp_path / "none"))
    assert done.returncode in (1, 3), done.stderr
    assert "All components of 1 are silenced" in done.stdout


def test_one_side_of_a_channel_goes_by_a_hook(made, tmp_path):
    """The convolution itself is not rectified, so its channels have two sides."""
    made_here = Project(tmp_path)
    centred = {"preprocessing": {"resize": 64, "mean": [0.5], "std": [0.2]}}
    made_here.change({"model": {"layers": "0", **centred}, "examine": {"ablation_images": 0}})
    made_here.run()
    done = prune(made_here, "--components", "0:1-", "--no-audit")
    assert done.returncode == 0, done.stderr
    assert "0 by weights, 1 by hooks" in done.stdout
    loaded = load_spec(made_here.folder / "out-pruned" / "pruned.yaml")
    assert loaded.spec.model.silenced == ("0:1-",)
    output = activations(load_subject(loaded.spec.model, loaded.base), ("0",), torch.randn(2, 3, 64, 64))["0"]
    assert (output[:, 1] >= 0).all() and (output[:, 0] < 0).any()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--components", "1:9"], "there is no component '1:9'; valid are 1:0 to 1:3"),
        (["--components", "7:0"], "the run examined no layer '7'"),
        (["--spurious", "melanom"], "is no audited class of the run"),
        (["--spurious", "melanoma"], "no examined component of 1 is spurious for melanoma"),
        ([], "name --components, --spurious with a class, or"),
        (["--components", "1:0", "--spurious", "melanoma"], "one of the three"),
        (["--spurious", "melanoma", "--states", "valid"], "valid are spurious and both"),
        (["--components", "1:0", "--out", "."], "is not empty and holds no pruned model"),
    ],
)
def test_a_wrong_call_is_one_clear_error(made, arguments, said):
    assert said in refused(prune(made, *arguments))


def test_the_run_itself_is_no_place_for_the_model(made):
    assert "a folder of its own" in refused(prune(made, "--components", "1:0", "--out", str(made.out)))


def test_a_folder_without_a_record(made, tmp_path):
    assert "No such file or directory; name a run folder" in refused(prune(made, "--components", "1:0", run=tmp_path))
    assert "there is no folder" in refused(prune(made, "--components", "1:0", run=tmp_path / "x"))


def test_a_spec_that_has_changed_is_refused_unless_it_is_named(project):
    project.change({"seed": 5})
    assert "is not that of the run" in refused(prune(project, "--components", "1:0"))
    done = prune(project, "--components", "1:0", "--no-audit", "--spec", str(project.spec))
    assert done.returncode == 0, done.stderr
    assert "note: the spec" in done.stdout
    assert "is not that of the run" in (project.folder / "out-pruned" / "pruned.card.md").read_text()


def test_a_spec_that_has_gone_can_be_named(project):
    moved = project.spec.rename(project.folder / "moved.yaml")
    assert "is not there any more (name it with --spec)" in refused(prune(project, "--components", "1:0"))
    assert prune(project, "--components", "1:0", "--no-audit", "--spec", str(moved)).returncode == 0
    (project.out / "run.json").write_text("{}")
    assert "does not say which spec" in refused(prune(project, "--components", "1:0"))


def test_weights_that_have_changed_are_refused(project):
    save_file({name: value + 1 for name, value in brightness_weights().items()}, project.folder / "weights.safetensors")
    assert "the weights are not those of the run" in refused(prune(project, "--components", "1:0"))


def test_a_silenced_component_that_is_not_there_is_told_with_its_line(project):
    project.change({"model": {"silenced": ["1:0", "1:4"]}})
    line = 1 + next(n for n, text in enumerate(project.spec.read_text().splitlines()) if "1:4" in text)
    done = project.run()
    assert done.returncode == 2
    assert f"spec.yaml:{line}:" in done.stderr and "has no channel 4; valid are 1:0 to 1:3" in done.stderr


def test_run_json_names_the_spec_and_its_variables(made):
    told = json.loads((made.out / "run.json").read_text())
    assert told["spec"] == str(made.spec)
    assert told["variables"] == {}


def test_variables_are_taken_along(tmp_path):
    project = Project(tmp_path)
    project.change({"model": {"weights": "${var:NET}.safetensors"}, "examine": {"ablation_images": 0}})
    assert entry_call(*project.arguments(), "--var", "NET=weights").returncode in (0, 1, 3)
    done = prune(project, "--components", "1:0", "--no-audit")
    assert done.returncode == 0, done.stderr
    assert "--var NET=weights" in (tmp_path / "out-pruned" / "pruned.yaml").read_text()


def test_of_the_file_that_ships_only_the_eager_twin_is_pruned(project):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    loaded = load_spec(project.spec)
    path = WRITERS["onnx"](project.folder / "net.onnx", load_subject(loaded.spec.model, loaded.base).module)
    before = path.read_bytes()
    project.change({"model": {"released": {"file": path.name}, "preprocessing": {"resize": 64}}})
    project.run()
    done = prune(project, "--components", "1:0")
    assert done.returncode in (0, 1, 3), done.stderr
    assert "The file that ships (net.onnx) is not changed." in done.stdout
    record = AuditRecord.model_validate_json((project.folder / "out-pruned" / "pruned" / "record.json").read_bytes())
    assert record.plan.model.released is None
    assert record.plan.model.silenced == ("1:0",)
    assert path.read_bytes() == before
