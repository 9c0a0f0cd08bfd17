"""Locks: what is fixed, what is amended, and what is noticed."""

import json

import pytest

from auditlens.errors import InputError, IntegrityError, SpecError
from auditlens.protocol.document import changes_since, locked_document
from auditlens.protocol.lock import lock_state, read_lock, write_lock

LOOSER = {"works": {"metric": "sensitivity", "limit": ">= 0.4"}}


def test_a_spec_that_was_locked_is_the_one_that_runs(write):
    loaded = write()
    lock, changes = write_lock(loaded, "j.weiss")
    state = lock_state(loaded)
    assert changes == ()
    assert state.holds and state.by == "j.weiss" and state.n_amendments == 0
    assert lock == read_lock(loaded.base / "p.lock")


def test_without_a_lock_file(write):
    state = lock_state(write())
    assert not state.present and not state.holds


def test_a_spec_that_names_no_lock(write):
    loaded = write(protocol={"looks": "l.jsonl"})
    assert lock_state(loaded) is None
    with pytest.raises(SpecError) as caught:
        write_lock(loaded, "j.weiss")
    assert "spec.yaml:" in str(caught.value)


def test_a_changed_gate_is_named(write):
    write_lock(write(), "j.weiss")
    state = lock_state(write(gates=LOOSER))
    assert not state.holds
    assert state.changed == ("gates.works.limit",)


@pytest.mark.parametrize(
    "part",
    [
        {"protocol": {"lock": "p.lock", "release_looks": 3}},
        {"report": {"n_components": 20}},
        {
            "waivers": [
                {
                    "gate": "works",
                    "bound": ">= 0.3",
                    "model_sha256": "0" * 64,
                    "owner": "a",
                    "approved_by": "b",
                    "reason": "DEV-1",
                    "expires": "2099-01-01",
                }
            ]
        },
    ],
    ids=["protocol", "report", "waivers"],
)
def test_what_is_no_part_of_the_lock(write, part):
    write_lock(write(), "j.weiss")
    assert lock_state(write(**part)).holds


def test_layout_is_no_change(write, tmp_path):
    loaded = write()
    write_lock(loaded, "j.weiss")
    loaded.path.write_text("# a comment\n" + loaded.text)
    from auditlens.spec.load import load_spec

    assert lock_state(load_spec(loaded.path, check_paths=False)).holds


def test_locking_again_needs_a_reason_and_keeps_the_difference(write):
    write_lock(write(), "j.weiss")
    changed = write(gates=LOOSER)
    with pytest.raises(InputError, match=r"gates\.works\.limit.*--amend REASON"):
        write_lock(changed, "j.weiss")
    lock, changes = write_lock(changed, "dr.ito", amend="the device was changed")
    assert [str(change) for change in changes] == ['gates.works.limit: ">= 0.5" -> ">= 0.4"']
    assert lock.entries[1].changes == changes
    assert lock.entries[1].reason == "the device was changed"
    state = lock_state(changed)
    assert state.holds and state.n_amendments == 1 and state.by == "j.weiss"


def test_locking_again_without_a_change_writes_nothing(write):
    write_lock(write(), "j.weiss")
    before = (write().base / "p.lock").read_bytes()
    write_lock(write(), "somebody.else")
    assert (write().base / "p.lock").read_bytes() == before


def test_nothing_to_amend(write):
    with pytest.raises(InputError, match="no lock"):
        write_lock(write(), "j.weiss", amend="why")
    write_lock(write(), "j.weiss")
    with pytest.raises(InputError, match="nothing to amend"):
        write_lock(write(), "j.weiss", amend="why")


@pytest.mark.parametrize(
    "tamper, said",
    [
        (lambda lock: lock["spec"]["gates"]["works"].update(limit=">= 0.1"), "not the one that was locked"),
        (lambda lock: lock["entries"].pop(0), "does not follow"),
        (lambda lock: lock["entries"][0].update(date="2020-01-01"), "does not follow"),
        (lambda lock: lock.update(entries=[]), "no entry"),
    ],
)
def test_a_lock_that_was_changed_by_hand_is_refused(write, tamper, said):
    write_lock(write(), "j.weiss")
    loaded = write(gates=LOOSER)
    write_lock(loaded, "j.weiss", amend="why")
    path = loaded.base / "p.lock"
    document = json.loads(path.read_text())
    tamper(document)
    path.write_text(json.dumps(document))
    with pytest.raises(IntegrityError, match=said):
        lock_state(loaded)


def test_what_is_no_lock_is_an_error(write):
    loaded = write()
    (loaded.base / "p.lock").write_text("{}")
    with pytest.raises(InputError, match="no lock file"):
        lock_state(loaded)


def test_a_signed_lock_names_its_key_and_notices_another_name(write, key):
    loaded = write()
    write_lock(loaded, "j.weiss", key=key)
    assert len(lock_state(loaded).signed_with) == 64
    path = loaded.base / "p.lock"
    path.write_text(path.read_text().replace('"by": "j.weiss"', '"by": "j.black"'))
    with pytest.raises(IntegrityError, match="not signed with this key"):
        read_lock(path)


def test_a_field_that_only_this_version_knows_is_no_change_at_its_default(write):
    loaded = write()
    document = locked_document(loaded.spec)
    del document["seed"]
    assert changes_since(document, loaded.spec) == ()
    assert [change.field for change in changes_since(document, write(seed=3).spec)] == ["seed"]
