"""The garbage collector rests inside, and is left as it was."""

import gc

import pytest

from auditlens.stages.collector import uncollected


@pytest.mark.parametrize("on", [True, False])
def test_the_garbage_collector_is_left_as_it_was(on):
    was_on = gc.isenabled()
    (gc.enable if on else gc.disable)()
    try:
        with pytest.raises(RuntimeError), uncollected():
            assert not gc.isenabled()
            raise RuntimeError
        assert gc.isenabled() is on
    finally:
        (gc.enable if was_on else gc.disable)()
