"""A whole audit of the file that ships: with its eager twin, alone, and with a twin that is another model."""

import pytest

from auditlens import api
from auditlens.gather import equivalence
from auditlens.report.page import render_page
from auditlens.spec.load import load_spec
from auditlens.stages.states import GateState
from auditlens.store.folders import file_sha256
from auditlens.subject import load_subject
from tests.e2e.project import Project
from tests.unit.subject.released_files import WRITERS, network

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
SIDE = 64
TWIN = "released file and eager twin"
INSIDE = "the inside of the released file"
ALONE = {"model": {"architecture": None, "weights": None}}
APART = '''

def apart():
    """Another model on pictures that are dark, as all benign ones are."""
    dark = lambda batch: (batch.mean((1, 2, 3)) < 0.4).float()[:, None]
    return Tampered(lambda batch, output: output + dark(batch) * torch.tensor([-40.0, 40.0]))
'''


@pytest.fixture
def project(tmp_path):
    project = Project(tmp_path)
    source = project.folder / "tiny_network.py"
    source.write_text(source.read_text() + APART)
    return project


def ship(project, kind):
    """Write the spec's network as a file, and name it in the spec."""
    loaded = load_spec(project.spec)
    module = load_subject(loaded.spec.model, loaded.base).module
    options = {} if kind == "onnx" else {"side": SIDE}
    path = WRITERS[kind](project.folder / f"net.{kind}", module, **options)
    pinned = {"sha256": file_sha256(path)} if kind == "export" else {}
    project.change({"model": {"released": {"file": path.name, **pinned}, "preprocessing": {"resize": SIDE}}})
    return path


def audited(project):
    """Audit without writing the reports."""
    given = {"device": "cpu", "threads": 1, "batch_size": 4}
    return api.audit(project.spec, out=project.out, store=project.store, reports=False, allow_code=True, **given)


def control_of(record):
    (control,) = (row for row in record.findings.controls if row.name == TWIN)
    return control


def why_open(record):
    return {row.what: row.why for row in record.findings.not_evaluated}[INSIDE]


@pytest.mark.parametrize("kind", WRITERS)
def test_with_its_eager_twin_both_are_evaluated(project, kind):
    path = ship(project, kind)
    record = audited(project)
    released = record.plan.model.released
    assert (released.file, released.sha256, released.twin) == (path.name, file_sha256(path), True)
    assert (released.n_compared, released.n_same) == (30, 30)
    assert released.gap < 1e-5
    assert control_of(record).passes is True
    assert record.findings.classes != ()
    assert "pooling" in {row.name for row in record.plan.methods}
    page = render_page(project.out, record, "html")
    assert "Inside: its eager twin" in page
    assert "same decision on 30 of 30 images" in page


@pytest.mark.parametrize("kind", WRITERS)
def test_alone_the_behaviour_decides_and_the_inside_is_open(project, kind):
    ship(project, kind)
    project.change(ALONE)
    record = audited(project)
    assert record.plan.model.layers == ()
    assert {"inside", "intervals"} <= {row.name for row in record.plan.methods}
    assert "pooling" not in {row.name for row in record.plan.methods}
    assert [row.state for row in record.verdict.gates] == [GateState.HOLDS, GateState.HOLDS]
    assert "no eager twin to look into" in why_open(record)
    assert record.findings.classes == record.findings.components == ()
    page = render_page(project.out, record, "html")
    assert "Behaviour only: no eager twin is given, so the inside is not evaluated." in page
    assert "No component that was judged by crops is unexpected" not in page


def test_every_report_of_a_file_alone_can_be_written(project):
    ship(project, "onnx")
    project.change(ALONE)
    done = project.run()
    assert done.returncode == 0, done.stderr
    assert (project.out / "report.pdf").read_bytes().startswith(b"%PDF")


def test_both_ways_behave_the_same(project):
    ship(project, "onnx")
    both = audited(project)
    project.change(ALONE)
    alone = audited(project)
    assert alone.findings.performance == both.findings.performance
    assert alone.findings.gate_estimates == both.findings.gate_estimates


def test_a_twin_that_is_another_model_stops_the_run_at_once(project):
    ship(project, "onnx")
    project.tamper("apart")
    told = project.told()
    assert "the eager twin is not the released model" in told
    assert "without `model.architecture` only behaviour is audited" in told


def test_a_twin_that_is_another_model_elsewhere_fails_its_control(project, monkeypatch):
    def bright(context):
        return [row for row, label in enumerate(context.samples.labels) if label == 1]

    ship(project, "onnx")
    project.tamper("apart")
    monkeypatch.setattr(equivalence, "probe_rows", bright)
    record = audited(project)
    assert record.plan.model.released.n_same == 15
    assert record.plan.model.released.gap > 0.9
    control = control_of(record)
    assert (control.passes, "nothing inside was evaluated" in control.sentence) == (False, True)
    assert "its eager twin is another model" in why_open(record)
    assert record.verdict.gates[0].state is GateState.HOLDS
    page = render_page(project.out, record, "html")
    assert "the eager twin is another model (largest gap in probability 1" in page


def test_what_was_computed_is_read_again_for_the_same_file_only(project):
    path = ship(project, "onnx")
    project.change(ALONE)
    first = audited(project)
    computed = project.computed()
    assert audited(project) == first
    assert (computed > 0, project.computed()) == (True, 0)
    WRITERS["onnx"](path, network(1))
    second = audited(project)
    assert project.computed() > 0
    assert second.findings.performance != first.findings.performance
