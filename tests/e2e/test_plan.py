"""The plan of an audit: its counts are those of the run, and after the run everything is stored."""

import json
from pathlib import Path

import pytest

from auditlens import api
from auditlens.stages.states import GateState
from auditlens.store.folders import file_sha256
from tests.e2e.counting import Counting
from tests.e2e.project import Project, entry_call, listing


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path)
    made.change(
        {
            "artefacts": {"ink": {"kind": "ink", "dose": {"scale": [0.5, 1.0]}}},
            "challenge": {"combinations": {"artefacts": "all"}, "max_images_per_class": 7},
        }
    )
    return made


def options(project):
    return {"store": project.store, "device": "cpu", "threads": 1, "batch_size": 4, "allow_code": True}


FOLLOWS = ("Crops", "Foundation model: crops", "Silencing", "Mediation")
"""What follows from what is found, so that only its ends are known before the run."""
DEMO = Path(__file__).parents[2] / "specs" / "demo_dermoscopy.yaml"


@pytest.mark.long
def test_passes_of_the_demonstration_are_those_that_hooks_count(tmp_path):
    given = {"store": tmp_path / "store", "device": "cpu"}
    planned = api.plan(DEMO, **given)
    with Counting() as counted:
        api.audit(DEMO, out=tmp_path / "run", progress=counted, reports=False, **given)
    by_title = {step.title: step.forward for step in planned.steps}
    assert len(by_title) >= 20
    for title, forward in by_title.items():
        counts = [n for name, n in counted.counts.items() if name.startswith(title)]  # mediation: one by artefact
        assert forward.low <= sum(counts) <= forward.high, title
        if not title.startswith(FOLLOWS):
            assert forward.known and forward.low == sum(counts), title
    again = api.plan(DEMO, **given)
    assert again.cached


def test_passes_are_those_of_the_run_and_afterwards_all_is_stored(project):
    planned = api.plan(project.spec, **options(project))
    assert not any(step.n_stored for step in planned.steps)
    with Counting() as counted:
        api.audit(project.spec, out=project.out, progress=counted, reports=False, **options(project))
    expected = {step.title: step.forward for step in planned.steps if step.model == "audited"}
    assert len(expected) >= 8
    for title, forward in expected.items():
        assert forward.low <= counted.counts[title] <= forward.high, title
        if not title.startswith(("Crops", "Silencing", "Mediation")):
            assert forward.known and forward.low == counted.counts[title], title
    again = api.plan(project.spec, **options(project))
    assert again.cached
    assert [step.title for step in again.steps if not step.cached] == []
    assert again.cost.time_basis.startswith("nothing is left")


def test_a_plan_runs_no_image_and_writes_no_result(project):
    api.plan(project.spec, **options(project))  # the images are checked, which is kept
    before = listing(project.store)
    with Counting() as counted:
        api.plan(project.spec, **options(project))
    assert counted.counts.total() < 10  # a noise image at loading, none of the thirty pictures
    assert listing(project.store) == before


def test_a_change_of_gates_leaves_all_stored_and_one_of_an_artefact_does_not(project):
    api.audit(project.spec, out=project.out, reports=False, **options(project))
    project.change({"gates": {"alarm": {**project.document["gates"]["alarm"], "limit": "<= 0.001"}}})
    planned = api.plan(project.spec, **options(project))
    assert planned.cached
    (first, *_) = planned.gates
    assert first.gate.id == "alarm"
    assert first.undecidable
    assert first.needed == 2995
    project.change({"artefacts": {"red_skin": {"kind": "tint", "colour": [10, 128, 151]}}})
    changed = api.plan(project.spec, **options(project))
    open_steps = {step.title for step in changed.steps if not step.cached}
    assert "Artefact test: red_skin" in open_steps
    assert "Artefact test: ink" not in open_steps
    assert changed.cost.time_basis.startswith("seconds per image of earlier runs of this model")


def test_a_selection_leaves_out_what_only_other_gates_read(project):
    everything = api.plan(project.spec, **options(project))
    planned = api.plan(project.spec, select=["gate=works"], **options(project))
    assert [row.gate.id for row in planned.gates] == ["works"]
    assert planned.forward.high < everything.forward.low
    assert planned.plan.selection == ("--select gate=works",)
    api.audit(project.spec, out=project.out, reports=False, select=["gate=works"], **options(project))
    assert api.plan(project.spec, select=["gate=works"], **options(project)).cached
    assert not api.plan(project.spec, **options(project)).cached


def command(project, *more):
    given = ["--store", str(project.store), "--threads", "1", "--batch-size", "4", "--device", "cpu", "--allow-code"]
    return entry_call("plan", str(project.spec), *given, *more)


def test_the_text_and_the_json(project):
    project.change({"gates": {"alarm": {**project.document["gates"]["alarm"], "limit": "<= 0.001"}}})
    done = command(project)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "PLAN OF TINY-1: nothing has been run"
    closed = lines.index("1 OF 2 GATES: CANNOT HOLD WITH THIS N")
    assert "needs 2995" in lines[closed + 2]
    assert any(line.startswith("left: ") for line in lines)
    document = json.loads(command(project, "--format", "json").stdout)
    assert document["gates"][0]["can_hold"] is False
    assert document["plan"]["data"]["n_images"] == 30


def test_hashes_are_written_and_a_changed_file_is_an_error(project):
    text = project.spec.read_text()
    done = command(project, "--write-hashes")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("model.sha256: written, ")
    written = project.spec.read_text()
    assert next(line for line in written.splitlines() if line not in text.splitlines()).startswith("  sha256: ")
    assert command(project, "--write-hashes").returncode == 0
    assert project.spec.read_text() == written
    wrong = written.replace(written.split('sha256: "')[1][:8], "00000000")
    project.spec.write_text(wrong)
    refused = command(project, "--write-hashes")
    assert refused.returncode == 2
    assert project.spec.read_text() == wrong
    assert command(project, "--write-hashes", "--force").returncode == 0
    assert project.spec.read_text() == written


PREPARE = """

def prepare(picture):
    values = torch.tensor(list(picture.resize((8, 8)).tobytes()))
    return values.reshape(8, 8, 3).permute(2, 0, 1).float() / 255
"""


def test_the_source_of_the_preprocessing_is_pinned_too(project):
    source = project.folder / "tiny_network.py"
    source.write_text(source.read_text() + PREPARE)
    project.change({"model": {"preprocessing": {"callable": "tiny_network:prepare"}}})
    done = command(project, "--write-hashes")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"model.preprocessing.sha256: written, {file_sha256(source)}")
    assert command(project).returncode == 0
    source.write_text(source.read_text() + "# another day\n")
    refused = command(project)
    assert (refused.returncode, "source file of the preprocessing" in refused.stderr) == (2, True)
    assert command(project, "--write-hashes").returncode == 2
    assert command(project, "--write-hashes", "--force").returncode == 0
    assert file_sha256(source) in project.spec.read_text()


def test_gates_that_will_have_nothing_to_read_are_told_apart_from_small_numbers(project):
    project.change(
        {
            "foundation": {"model": "local-dir:package:auditlens/testbed/weights/foundation"},
            "concepts": {"redness": {"texts": ["red skin"]}},
            "classes": {"melanoma": {"valid": ["redness"]}},
            "gates": {
                "alarm": {**project.document["gates"]["alarm"], "limit": "<= 0.001"},
                "clear": {"metric": "clarity", "class": "melanoma", "limit": ">= 0.1"},
                "covered": {"metric": "valid_coverage", "class": "melanoma", "limit": ">= 0.5"},
                "seen": {"metric": "observability", "concept": "redness", "limit": ">= 0.8"},
                "share": {"metric": "spurious_relevance_share", "class": "melanoma", "limit": "<= 0.2"},
                "through": {"metric": "mediated_share", "artefact": "ink", "class": "melanoma", "limit": "<= 0.5"},
            },
        }
    )
    found = {row.gate.id: row for row in api.plan(project.spec, **options(project)).gates}
    assert {name for name, row in found.items() if row.nothing_to_read} == {"seen", "share", "through"}
    assert found["alarm"].undecidable and not found["alarm"].nothing_to_read
    assert found["clear"].can_hold and found["covered"].can_hold
    assert "no spurious concept" in found["share"].sentence
    assert "what ink looks like" in found["through"].sentence
    assert "where redness is" in found["seen"].sentence
    record = api.audit(project.spec, out=project.out, reports=False, **options(project))
    states = {result.gate.id: result.state for result in record.verdict.gates}
    assert {name for name, state in states.items() if state is GateState.NOT_EVALUATED} >= {"seen", "share", "through"}
    text = command(project).stdout
    assert "3 OF 7 GATES: CANNOT BE EVALUATED" in text
    assert "1 cannot hold with this n, 3 cannot be evaluated, 3 can hold" in text
