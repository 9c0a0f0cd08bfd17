"""The same spec on the same machine gives the same record: cold, warm, or cut off and resumed."""

import pytest

from auditlens import api
from auditlens.stages.progress import Silent
from tests.planted.conftest import write_small_spec

SMALL = {
    "data": {"generate": {"arguments": {"n": 70}}},
    "challenge": {"max_images_per_class": 16, "n_draws": 1000},
    "examine": {"n_examples": 5, "max_components": 3},
}


class CutOff(Silent):
    """Stops the run when a stage has made some steps, as a kill would."""

    def __init__(self, stage, steps):
        self.wanted, self.left, self.inside = stage, steps, False

    def stage(self, name, total):
        self.inside = self.wanted in name

    def advance(self, n=1):
        self.left -= n * self.inside
        if self.left < 0:
            raise KeyboardInterrupt


def record_bytes(spec, out, store, progress=None):
    api.audit(spec, out=out, store=store, threads=1, batch_size=8, reports=False, progress=progress)
    return (out / "record.json").read_bytes()


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    return write_small_spec(tmp_path_factory.mktemp("spec"), "planted", **SMALL)


@pytest.fixture(scope="module")
def cold(spec, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cold")
    return record_bytes(spec, folder / "run", folder / "store"), folder / "store"


def test_warm_equals_cold(spec, cold, tmp_path):
    assert record_bytes(spec, tmp_path / "run", cold[1]) == cold[0]


@pytest.mark.parametrize(("stage", "steps"), [("Clean pass", 40), ("Artefact test: ruler", 1), ("Relevance", 40)])
def test_resumed_equals_cold(spec, cold, tmp_path, stage, steps):
    with pytest.raises(KeyboardInterrupt):
        record_bytes(spec, tmp_path / "run", tmp_path / "store", CutOff(stage, steps))
    kept = sum(path.suffix == ".npz" for path in (tmp_path / "store").rglob("*"))
    assert kept > 0
    assert record_bytes(spec, tmp_path / "run", tmp_path / "store") == cold[0]
