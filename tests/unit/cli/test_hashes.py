"""Hashes go into a spec file, and leave it as valid as it was."""

import pytest

from auditlens.cli.hashes import write_found
from auditlens.errors import SpecError
from auditlens.stages.planned_run import FoundHash

SPEC = """auditlens: 1
audit: {id: H-1}
model:
  architecture: "timm:x"   # a small one
  weights: net.pt
  SHA
  classes: [a, b]
data: {folder: images}
decision: {class: a, threshold: 0.5}
gates: {works: {metric: sensitivity, limit: ">= 0.5"}}
"""
HASH = "0123456789" * 6 + "0123"


@pytest.fixture
def spec(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "net.pt").write_bytes(b"")
    return tmp_path / "spec.yaml"


def write(spec, text, declared=None):
    spec.write_bytes(text)
    row = FoundHash(field="model.sha256", what="the weights", sha256=HASH, declared=declared)
    return list(write_found(spec, {}, [row], force=True))


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_nothing_but_the_hash_changes(spec, newline):
    text = SPEC.replace("\n", newline)
    assert write(spec, text.replace("SHA", "sha256:").encode()) == [f"model.sha256: written, {HASH}"]
    assert spec.read_bytes().decode() == text.replace("SHA", f'sha256: "{HASH}"')


def test_a_spec_that_would_break_stays_as_it_was(spec):
    """The old hash has an anchor, which would go with it, and be missed elsewhere."""
    text = SPEC.replace("SHA", f'sha256: &sha "{"0" * 64}"') + "foundation: {model: ViT-B-32, sha256: *sha}\n"
    with pytest.raises(SpecError, match="has no anchor"):
        write(spec, text.encode(), declared="0" * 64)
    assert spec.read_bytes().decode() == text
