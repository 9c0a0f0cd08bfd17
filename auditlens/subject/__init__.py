"""The audited model: its description comes in; a frozen module with classes, layers and preprocessing goes out."""

from auditlens.subject.layers import LayerInfo, pool, pool_components, recording
from auditlens.subject.model import Subject, activations, load_subject
from auditlens.subject.outputs import margin
from auditlens.subject.references import check_references

__all__ = [
    "LayerInfo",
    "Subject",
    "activations",
    "check_references",
    "load_subject",
    "margin",
    "pool",
    "pool_components",
    "recording",
]
