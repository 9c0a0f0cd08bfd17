"""The ledger: one line per look, equal runs are one look, and missing lines show."""

import pytest

from auditlens.errors import InputError, IntegrityError
from auditlens.protocol.looks import add_look, identity_of, look_state, read_looks
from auditlens.stages.protocol import LockState


def look(loaded, model="m", data="d"):
    identity = identity_of(loaded, model, data)
    state = look_state(loaded, identity, None)
    add_look(loaded, state, identity, "ALL GATES HOLD", 0)
    return state


def test_the_same_spec_model_and_data_are_the_same_look(write):
    loaded = write()
    assert [look(loaded).number for _ in range(3)] == [1, 1, 1]
    assert look(loaded, model="other").number == 2
    assert look(loaded, data="other").number == 3
    assert look(write(seed=5)).number == 4
    assert look(loaded).number == 1
    assert len(read_looks(loaded.base / "looks.jsonl")) == 4


def test_a_waiver_or_a_report_setting_makes_no_further_look(write):
    look(write())
    assert look(write(report={"n_components": 3})).number == 1


def test_more_looks_than_agreed_cannot_release(write):
    assert look(write()).may_release
    assert not look(write(), model="other").may_release
    more = write(protocol={"looks": "looks.jsonl", "release_looks": 2})
    assert look(more, model="other").may_release


def test_asking_writes_nothing(write):
    loaded = write()
    look_state(loaded, identity_of(loaded, "m", "d"), None)
    assert not (loaded.base / "looks.jsonl").exists()


def test_a_spec_without_a_ledger(write):
    loaded = write(protocol={"lock": "p.lock"})
    assert look_state(loaded, identity_of(loaded, "m", "d"), None) is None


@pytest.mark.parametrize("tamper", [lambda x: x[1:], lambda x: [x[0], x[2]], lambda x: [x[0], x[0], *x[1:]]])
def test_a_line_that_was_removed_or_added_shows(write, tamper):
    loaded = write()
    for model in "abc":
        look(loaded, model)
    path = loaded.base / "looks.jsonl"
    path.write_bytes(b"".join(tamper(path.read_bytes().splitlines(keepends=True))))
    with pytest.raises(IntegrityError, match="does not follow"):
        look(loaded, "d")


def test_a_line_that_was_changed_shows_with_its_place(write):
    loaded = write()
    for model in "ab":
        look(loaded, model)
    path = loaded.base / "looks.jsonl"
    path.write_bytes(path.read_bytes().replace(b"HOLD", b"FAIL", 1))
    with pytest.raises(IntegrityError, match=r"looks\.jsonl:2"):
        look(loaded, "c")


def test_another_run_was_faster(write):
    loaded = write()
    identity = identity_of(loaded, "m", "d")
    state = look_state(loaded, identity, None)
    look(loaded, "faster")
    with pytest.raises(InputError, match="run again"):
        add_look(loaded, state, identity, "ALL GATES HOLD", 0)


def test_an_amendment_after_a_look_is_noticed(write):
    loaded = write()
    look(loaded)
    late = LockState(file="p.lock", present=True, date="2020-01-01", last_amended="2999-01-01", n_amendments=1)
    early = late.model_copy(update={"last_amended": "2020-01-02"})
    identity = identity_of(loaded, "m", "d")
    assert look_state(loaded, identity, late).amended_after_first
    assert not look_state(loaded, identity, early).amended_after_first
