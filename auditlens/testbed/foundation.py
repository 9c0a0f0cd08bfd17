"""The testbed's text-image model: its shape, and how it is written and read in open_clip's local-dir form."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import open_clip
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

WEIGHTS: Final = Path(__file__).parent / "weights"
FOUNDATION: Final = WEIGHTS / "foundation"
IMAGE_SIZE: Final = 96
MEAN: Final = (0.48145466, 0.4578275, 0.40821073)
STD: Final = (0.26862954, 0.26130258, 0.27577711)
CONFIG: Final[dict[str, Any]] = {
    "model_cfg": {
        "embed_dim": 64,
        "vision_cfg": {
            "timm_model_name": "test_resnet",
            "timm_model_pretrained": False,
            "timm_pool": "avg",
            "timm_proj": "linear",
            "image_size": IMAGE_SIZE,
        },
        "text_cfg": {"context_length": 20, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
    },
    "preprocess_cfg": {
        "mean": list(MEAN),
        "std": list(STD),
        "interpolation": "bilinear",
        "resize_mode": "squash",
    },
}


class TextImageModel(Protocol):
    """What is used of an open_clip model."""

    logit_scale: nn.Parameter

    def encode_image(self, image: Tensor, normalize: bool = False) -> Tensor:
        """Return image embeddings."""

    def encode_text(self, text: Tensor, normalize: bool = False) -> Tensor:
        """Return text embeddings."""


Tokenize = Callable[[Sequence[str]], Tensor]
Preprocess = Callable[[Image.Image], Tensor]


def new_model() -> nn.Module:
    """Return the untrained model of `CONFIG`."""
    model: nn.Module = open_clip.CLIP(**CONFIG["model_cfg"])
    return model


def tokenizer() -> Tokenize:
    """Return open_clip's own tokenizer, cut to the model's context length."""
    tokenize: Tokenize = open_clip.SimpleTokenizer(context_length=CONFIG["model_cfg"]["text_cfg"]["context_length"])
    return tokenize


def save_foundation(model: nn.Module, folder: Path) -> None:
    """Write a model in local-dir form; the large token table as float16, all else as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "open_clip_config.json").write_text(json.dumps(CONFIG, indent=1) + "\n", encoding="utf-8")
    tensors = {name: value.cpu().contiguous() for name, value in model.state_dict().items()}
    tensors["token_embedding.weight"] = tensors["token_embedding.weight"].to(torch.float16)
    save_file(tensors, folder / "open_clip_model.safetensors")


def load_foundation(folder: Path = FOUNDATION) -> tuple[Any, Preprocess, Tokenize]:
    """Return model (evaluation mode), preprocessing and tokenizer of a local-dir folder, by open_clip alone."""
    name = f"local-dir:{folder}"
    model, _, preprocess = open_clip.create_model_and_transforms(name)
    return model.eval(), preprocess, open_clip.get_tokenizer(name)
