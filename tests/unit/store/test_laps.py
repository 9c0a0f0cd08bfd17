"""Parts of a run: what it takes beside its stored stages."""

import time

from auditlens.store import Store
from auditlens.store.laps import Spent


def test_the_parts_and_the_stages_add_up_to_the_clock(tmp_path):
    begun = time.perf_counter()
    store = Store(tmp_path)

    def slow():
        time.sleep(0.05)
        return {"a": [1]}

    time.sleep(0.03)
    store.laps.end("loading", 7)
    store.arrays("pass", {"k": 1}, slow, n_items=7)
    time.sleep(0.02)
    store.laps.end("between", 7)
    took = time.perf_counter() - begun
    loading, between, stage = store.laps.spent["loading"], store.laps.spent["between"], store.spent["pass"]
    assert loading.n_items == 7
    assert loading.seconds >= 0.03
    assert stage.seconds >= 0.05
    assert 0.02 <= between.seconds <= took - 0.08
    assert sum((loading, between, stage), start=Spent()).seconds <= took
    assert between.busy < between.seconds  # a process that sleeps is not busy
