"""A spec with a protocol, and a key."""

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from auditlens.spec.load import load_spec

DOCUMENT = {
    "auditlens": 1,
    "audit": {"id": "P-1", "owner": "j.weiss"},
    "protocol": {"lock": "p.lock", "looks": "looks.jsonl"},
    "model": {"architecture": "torchvision:resnet18", "classes": ["benign", "melanoma"]},
    "decision": {"class": "melanoma", "threshold": 0.3},
    "data": {"folder": "images"},
    "gates": {"works": {"metric": "sensitivity", "limit": ">= 0.5"}},
}


@pytest.fixture
def write(tmp_path):
    """Write the spec with changes by section, and load it."""

    def make(**changes):
        path = tmp_path / "spec.yaml"
        path.write_text(yaml.safe_dump(DOCUMENT | changes, sort_keys=False))
        return load_spec(path, check_paths=False)

    return make


@pytest.fixture
def key(tmp_path):
    """A private key and the files of both halves."""
    made = Ed25519PrivateKey.generate()
    (tmp_path / "key.pem").write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = made.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "public.pem").write_bytes(public)
    return made
