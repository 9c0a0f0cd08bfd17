"""Where a run computes: the defaults, and what goes on to the audit of a baseline."""

import inspect

import pytest
import torch
from threadpoolctl import threadpool_info

from auditlens import api
from auditlens.stages.progress import Silent
from auditlens.steps.machine import BATCH_SIZE, MOST_THREADS, Machine, best_device, use_threads


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_a_device_that_is_named_is_taken_and_auto_takes_one_that_is_there():
    assert best_device("cuda") == "cuda"
    assert best_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")


def test_threads_are_those_asked_for_else_a_few(threads, monkeypatch):
    use_threads(1)
    assert torch.get_num_threads() == 1
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    use_threads(None)
    assert torch.get_num_threads() == min(3, MOST_THREADS)


def test_images_per_pass_are_those_asked_for():
    assert Machine().images_per_pass == BATCH_SIZE
    assert Machine(batch_size=5).images_per_pass == 5


def test_the_options_are_those_of_an_audit_as_they_were_given(tmp_path):
    told = Silent()
    options = Machine("auto", tmp_path, 4, 1, told).options
    assert options == {"device": "auto", "store": tmp_path, "batch_size": 4, "threads": 1, "progress": told}
    assert set(options) <= set(inspect.signature(api.audit).parameters)


def test_the_store_is_in_the_folder_that_is_named(tmp_path):
    assert Machine(store=tmp_path / "kept").opened_store().root == tmp_path / "kept"


def test_the_threads_of_numpy_are_those_of_torch():
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    before = torch.get_num_threads()
    try:
        for n_threads in (2, 1):
            use_threads(n_threads)
            found = {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}
            assert found <= {n_threads}
            assert len(found) == min(len(pools), 1)
    finally:
        use_threads(before)
