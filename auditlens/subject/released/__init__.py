"""The file that ships (ONNX, TorchScript, torch.export) comes in; a model that can be asked, and no more, goes out."""

from auditlens.subject.released.model import ReleasedModel, load_released
from auditlens.subject.released.opaque import opaque_subject

__all__ = ["ReleasedModel", "load_released", "opaque_subject"]
