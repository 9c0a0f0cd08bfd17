"""Several sets with roles through the installed entry point: which is audited, and what may not be shared."""

import csv
import json

import pytest

from auditlens.data.salted import list_text
from tests.e2e.project import N_PER_CLASS, Project, entry_call

SALT = "a salt of 16 or more"


def write_manifest(project, name, rows, columns=("patient",)):
    """Rows: (image, cells of the columns)."""
    with (project.folder / name).open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["image", "label", *columns])
        table.writerows([image, image.split("/")[1], *cells] for image, *cells in rows)


def pictures(first, stop):
    """Some of the project's pictures of both classes, each of a patient of its own."""
    return [
        (f"images/{label}/{n:02d}.png", f"{label}-{n}") for label in ("benign", "melanoma") for n in range(first, stop)
    ]


@pytest.fixture
def project(tmp_path):
    project = Project(tmp_path)
    write_manifest(project, "test.csv", pictures(0, 9))
    write_manifest(project, "dev.csv", pictures(9, N_PER_CLASS))
    project.document["data"] = {
        "sets": {
            "test": {"role": "sealed", "manifest": "test.csv", "unit": "patient"},
            "dev": {"role": "development", "manifest": "dev.csv", "unit": "patient"},
        }
    }
    project.change({})
    return project


def planned(project):
    return json.loads(project.record())["plan"]["data"]


def test_the_sealed_set_is_audited_and_the_report_says_what_was_not_checked(project):
    assert project.run().returncode == 0
    data = planned(project)
    assert (data["n_images"], data["sets"]["audited"], data["sets"]["role"]) == (18, "test", "sealed")
    assert json.loads(project.record())["verdict"]["may_release"]
    assert [(row["n_units"], row["n_images"]) for row in data["sets"]["overlaps"]] == [(0, 0)]
    page = (project.out / "report.html").read_text()
    assert "test (sealed test set)" in page
    assert "not checked, since no list of its salted ids is given" in page
    gaps = json.loads(project.record())["findings"]["not_evaluated"]
    assert "overlap with the training data" in [row["what"] for row in gaps]


def test_a_run_on_the_development_set_leaves_the_sealed_one_alone(project):
    for n in range(9):
        (project.folder / "images" / "benign" / f"{n:02d}.png").unlink()  # nobody may ask for them
    (project.folder / "test.csv").unlink()
    called = project.arguments()
    refused = entry_call(*called)
    assert refused.returncode == 2
    assert "data.sets.test.manifest: there is no file" in refused.stderr
    planned_run = entry_call("plan", called[1], "--allow-code", "--data", "dev", "--store", str(project.store))
    assert planned_run.returncode == 0, planned_run.stderr
    assert entry_call(*called, "--data", "dev").returncode == 0
    data = planned(project)
    assert (data["n_images"], data["sets"]["audited"], data["sets"]["role"]) == (12, "dev", "development")
    assert [row["name"] for row in data["sets"]["sets"]] == ["dev"]
    assert "dev (for development)" in (project.out / "report.html").read_text()
    verdict = json.loads(project.record())["verdict"]
    assert not verdict["may_release"]
    assert verdict["headline"].endswith("(set dev, no release)")


def test_a_runner_of_pull_requests_needs_no_sealed_images_and_no_list_of_them(project):
    project.change({"tiers": {"pr": {"data": "dev"}}, "protocol": {"lock": "tiny.lock"}})
    whole = entry_call("validate", str(project.spec)).stdout.splitlines()[1]
    assert entry_call("lock", str(project.spec), "--by", "j.weiss").stderr == ""
    (project.folder / "test.csv").unlink()
    locked = entry_call("lock", str(project.spec))
    assert "the spec is the one that was locked" in locked.stdout
    assert "warning: data.sets.test.manifest: there is no file" in locked.stderr
    assert entry_call("validate", str(project.spec)).returncode == 2
    told = entry_call("validate", str(project.spec), "--tier", "pr")
    assert (told.returncode, told.stdout.splitlines()[1]) == (0, whole)
    assert "not looked at: the set test, which such a run does not read" in told.stdout
    assert entry_call(*project.arguments(), "--tier", "pr").returncode == 0
    record = json.loads(project.record())
    assert (record["plan"]["data"]["sets"]["audited"], record["verdict"]["exploratory"]) == ("dev", False)


def test_a_tier_or_set_that_is_not_there_is_told_before_any_file(project):
    (project.folder / "test.csv").unlink()
    for called, near in ((("--data", "dve"), "did you mean 'dev'"), (("--tier", "pr"), "the spec has no tiers")):
        for command in (["validate"], ["run", "--allow-code"], ["plan", "--allow-code"]):
            done = entry_call(*command, str(project.spec), *called)
            assert (done.returncode, near in done.stderr) == (2, True), done.stderr


def test_a_patient_in_two_sets_is_a_located_error_with_counts(project):
    write_manifest(project, "dev.csv", [*pictures(9, 14), ("images/benign/14.png", "melanoma-3")])
    message = project.told()
    assert "spec.yaml:" in message
    assert "test and dev share 1 unit(s) and 0 image(s)" in message
    assert "melanoma-3" not in message
    project.document["data"]["forbidden_overlap"] = {"on_overlap": "report"}
    project.change({})
    assert project.run().returncode == 0
    gaps = json.loads(project.record())["findings"]["not_evaluated"]
    assert "independence of the sets test and dev" in [row["what"] for row in gaps]


def test_patients_of_the_training_data_are_found_by_salted_ids(project, monkeypatch):
    monkeypatch.setenv("AUDIT_SALT", SALT)
    project.document["data"]["forbidden_overlap"] = {"with": ["train.salted"], "salt": "${env:AUDIT_SALT}"}
    (project.folder / "train.salted").write_text(list_text(["benign-3", "melanoma-4", "x-1"], SALT))
    project.change({})
    message = project.told()
    assert "2 of 18 ids (patient) of test are in train.salted" in message
    assert "benign-3" not in message

    project.document["data"]["forbidden_overlap"]["on_overlap"] = "report"
    project.change({})
    assert project.run().returncode == 0
    found = planned(project)["sets"]["lists"][0]
    assert (found["n_listed"], found["n_checked"], found["n_found"]) == (3, 18, 2)
    kept = [path for path in project.out.rglob("*") if path.is_file() and SALT.encode() in path.read_bytes()]
    assert kept == []
    assert "2 of 18 ids (patient) of test found in it" in (project.out / "report.html").read_text()


def test_a_list_of_strangers_lets_the_audit_go_on(project, monkeypatch):
    monkeypatch.setenv("AUDIT_SALT", SALT)
    project.document["data"]["forbidden_overlap"] = {"with": ["train.salted"], "salt": "${env:AUDIT_SALT}"}
    (project.folder / "train.salted").write_text(list_text(["x-1", "x-2"], SALT))
    project.change({})
    assert project.run().returncode == 0
    gaps = json.loads(project.record())["findings"]["not_evaluated"]
    assert "overlap with the training data" not in [row["what"] for row in gaps]
    monkeypatch.setenv("AUDIT_SALT", SALT + " but another")
    assert "made with another salt" in project.told()


def test_a_set_that_is_not_there(project):

    done = entry_call(*project.arguments(), "--data", "tset")
    assert done.returncode == 2
    assert "did you mean 'test'" in done.stderr
