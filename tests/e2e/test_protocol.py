"""Lock, run, look, sign and check, as a release goes."""

import json
import shutil
import subprocess
import sys
from datetime import date, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from auditlens.api import load_record
from tests.e2e.project import Project, entry_call


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A project that was locked, run and signed."""
    project = Project(tmp_path_factory.mktemp("release"))
    project.change({"protocol": {"lock": "tiny.lock", "looks": "looks.jsonl"}})
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (project.folder / "key.pem").write_bytes(private)
    (project.folder / "public.pem").write_bytes(public)
    assert entry_call("lock", str(project.spec), "--by", "j.weiss").returncode == 0
    done = project.run()
    assert done.returncode in (0, 1, 3), done.stderr
    signed = entry_call("sign", str(project.out), "--key", str(project.folder / "key.pem"))
    assert signed.returncode == 0, signed.stderr
    return project


@pytest.fixture
def project(released, tmp_path):
    """A copy to break."""
    copy = Project(tmp_path)
    shutil.rmtree(copy.folder)
    shutil.copytree(released.folder, copy.folder)
    copy.document = json.loads(json.dumps(released.document))
    return copy


def check(project, *more, model="weights.safetensors", record=None):
    files = ["--model", str(project.folder / model), "--spec", str(project.spec)]
    return entry_call(
        "check", str(record or project.out), *files, *(more or ["--public-key", str(project.folder / "public.pem")])
    )


def test_the_record_says_locked_and_which_look(released):
    record = load_record(released.out)
    assert not record.verdict.exploratory
    assert record.verdict.may_release
    assert record.plan.protocol.look.number == 1
    assert record.verdict.notes[:2] == (record.verdict.notes[0], "Look 1 of 1 at the sealed data.")
    assert "spec locked" in (released.out / "summary.md").read_text()
    (line,) = (released.folder / "looks.jsonl").read_text().splitlines()
    assert json.loads(line)["outcome"] == record.verdict.headline
    assert json.loads((released.out / "run.json").read_text())["look"]["look"] == 1


def test_a_repeated_run_is_the_same_look_and_the_same_record(project):
    before = project.record()
    project.run(project.folder / "again")
    assert project.record(project.folder / "again") == before
    assert len((project.folder / "looks.jsonl").read_text().splitlines()) == 1


def test_a_second_look_cannot_release_and_a_changed_spec_is_exploratory(project):
    project.change({"gates": {"alarm": {**project.document["gates"]["alarm"], "limit": "<= 0.6"}}})
    project.run()
    record = load_record(project.out)
    assert record.verdict.exploratory and not record.verdict.may_release
    assert "gates.alarm.limit" in record.verdict.notes[0]
    assert record.verdict.notes[1].startswith("Look 2 of 1")
    assert "(not the locked spec, look 2 of 1, no release)" in record.verdict.headline
    assert entry_call("lock", str(project.spec)).returncode == 2
    amended = entry_call("lock", str(project.spec), "--amend", "the limit was agreed anew")
    assert amended.returncode == 0
    assert 'gates.alarm.limit: "<= 0.5" -> "<= 0.6"' in amended.stdout
    project.run()
    record = load_record(project.out)
    assert not record.verdict.exploratory
    assert any("amended on or after the day of the first look" in note for note in record.verdict.notes)


def test_a_look_at_development_data_is_none(project):
    shutil.copytree(project.folder / "images", project.folder / "other")
    for row in (project.folder / "other").rglob("*.png"):
        row.write_bytes(row.read_bytes() + b"another file")
    sets = {"test": {"folder": "images", "role": "sealed"}, "dev": {"folder": "other", "role": "development"}}
    project.document["data"] = {"sets": sets}
    project.change({"protocol": {"lock": "other.lock", "looks": "others.jsonl"}})
    done = entry_call(*project.arguments(), "--data", "dev")
    assert done.returncode in (0, 1, 3), done.stderr
    assert load_record(project.out).plan.protocol.look is None
    assert not (project.folder / "others.jsonl").exists()
    project.run()
    assert load_record(project.out).plan.protocol.look.number == 1


def test_a_record_that_belongs_to_model_and_spec_gives_its_verdict(released):
    done = check(released)
    assert done.returncode == load_record(released.out).verdict.exit_code, done.stderr
    assert "the model is the audited weights" in done.stdout
    assert "signed with the key sha256:" in done.stdout


def test_it_needs_no_data_and_no_torch_and_is_fast(project):
    for name in ("images", "tiny_network.py", "store"):
        place = project.folder / name
        shutil.rmtree(place) if place.is_dir() else place.unlink()
    code = (
        "import sys, time; from auditlens.cli.main import main; code = main(sys.argv[1:]);"
        "assert time.process_time() < 2, time.process_time();"
        "assert not {'torch', 'scipy', 'pandas', 'pyarrow'} & set(sys.modules); sys.exit(code)"
    )
    files = ["--model", project.folder / "weights.safetensors", "--spec", project.spec]
    done = subprocess.run(
        [sys.executable, "-c", code, "check", project.out, *files, "--public-key", project.folder / "public.pem"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == load_record(project.out).verdict.exit_code, done.stderr


@pytest.mark.parametrize(
    "spoil, said",
    [
        (lambda p: (p.folder / "weights.safetensors").write_bytes(b"other"), "is not the audited one"),
        (lambda p: p.change({"seed": 9}), "is not the audited one"),
        (lambda p: (p.out / "record.json.sig").unlink(), "is not signed"),
        (lambda p: (p.out / "summary.md").write_text("all is well"), "was changed since the run"),
        (lambda p: (p.out / "summary.md").unlink(), "is missing"),
        (lambda p: (p.folder / "public.pem").write_text("no key"), "no public key"),
    ],
)
def test_what_does_not_belong_together_is_2(project, spoil, said):
    spoil(project)
    done = check(project)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_verdict_that_was_edited_is_noticed(project):
    path = project.out / "record.json"
    text = path.read_text()
    state = load_record(project.out).verdict.gates[0].state
    other = "fails" if state != "fails" else "holds"
    document = json.loads(text)
    document["verdict"]["gates"][0]["state"] = other
    path.write_text(json.dumps(document))
    assert "was changed since the run" in check(project).stderr
    (project.out / "MANIFEST.sha256").unlink()
    assert "nothing shows that the folder is as the run wrote it" in check(project).stderr
    assert "was not signed with this key" in check(project, record=path).stderr
    done = check(project, "--unsigned", record=path)
    assert done.returncode == 2
    assert "its findings do not" in done.stderr


def test_one_of_key_and_unsigned_is_needed(released):
    files = ["--model", str(released.folder / "weights.safetensors"), "--spec", str(released.spec)]
    assert entry_call("check", str(released.out), *files).returncode == 2


def test_a_waiver_that_has_expired_since_accepts_no_more(project):
    sha256 = load_record(project.out).plan.model.identity_sha256
    tomorrow = (date.today() + timedelta(days=1)).isoformat()
    waiver = {
        "gate": "works",
        "bound": ">= 0.0",
        "model_sha256": sha256,
        "owner": "a",
        "approved_by": "b",
        "reason": "DEV-1",
        "expires": tomorrow,
    }
    project.change(
        {
            "protocol": None,
            "decision": {"class": "melanoma", "threshold": 0.9999999},
            "waivers": [waiver],
        }
    )
    project.run()
    assert load_record(project.out).verdict.n_waived == 1
    from auditlens.protocol.check import check_record

    model = project.folder / "weights.safetensors"
    now = check_record(project.out, model, project.spec, today=date.today())
    later = check_record(project.out, model, project.spec, today=date.today() + timedelta(days=2))
    assert now.verdict.exit_code != 1
    assert later.verdict.exit_code == 1
    assert any("is accepted no more" in line for line in later.lines)


def test_the_signature_is_one_that_openssl_verifies(released, tmp_path):
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl here")
    import base64

    signature = (released.out / "record.json.sig").read_text().splitlines()[0]
    (tmp_path / "raw").write_bytes(base64.b64decode(signature))
    key, record = released.folder / "public.pem", released.out / "record.json"
    verify = [openssl, "pkeyutl", "-verify", "-pubin", "-inkey", key, "-rawin", "-in", record]
    done = subprocess.run(
        [*verify, "-sigfile", tmp_path / "raw"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
