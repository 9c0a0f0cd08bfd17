"""Small audits of the shipped pair: fewer images and artefacts than the demonstration, the same everything else."""

from pathlib import Path

import pytest
import yaml

from auditlens.spec.paths import share_folder


def write_small_spec(folder: Path, kind: str, **changes) -> Path:
    """A spec that builds on the demonstration's; `changes` are merged on top."""
    name = "demo_dermoscopy.yaml" if kind == "planted" else "demo_dermoscopy_clean.yaml"
    document = {
        "auditlens": 1,
        "include": [str(share_folder("specs") / name)],
        "data": {"generate": {"arguments": {"n": 160}}},
        "examine": {"n_examples": 8, "max_components": 6},
        "challenge": {"max_images_per_class": 60, "n_draws": 2000},
        "artefacts": {"hair": None, "ink": None, "red_skin": None, "dark_corner": None},
        "gates": {"detects": {"limit": ">= 0.40"}, "spares": {"limit": ">= 0.40"}},
    } | changes
    path = folder / f"{kind}.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="session")
def runs(tmp_path_factory, store):
    """Both audits of the pair: kind -> (record, run folder, spec)."""
    from auditlens import api

    folder = tmp_path_factory.mktemp("pair")
    found = {}
    for kind in ("planted", "clean"):
        spec = write_small_spec(folder, kind)
        found[kind] = (api.audit(spec, out=folder / kind, store=store, threads=1), folder / kind, spec)
    return found
