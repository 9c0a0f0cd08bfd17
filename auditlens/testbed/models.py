"""The classifier whose shortcut is planted: plain, small and friendly to layer-wise relevance propagation."""

from collections import OrderedDict
from typing import Final

from torch import Tensor, nn

INPUT_SIZE: Final = 128
MEAN: Final = (0.485, 0.456, 0.406)
STD: Final = (0.229, 0.224, 0.225)
CLASSES: Final = ("benign", "melanoma")
WIDTHS: Final = (16, 32, 64, 96)


def _block(number: int, n_in: int, n_out: int) -> "OrderedDict[str, nn.Module]":
    """Return convolution, normalisation and ReLU, named by the block's number."""
    stride = 2 if number == 1 else 1
    return OrderedDict(
        {
            f"conv{number}": nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False),
            f"norm{number}": nn.BatchNorm2d(n_out),
            f"relu{number}": nn.ReLU(inplace=False),
        }
    )


def _features() -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    n_in = 3
    for number, n_out in enumerate(WIDTHS, start=1):
        layers.update(_block(number, n_in, n_out))
        if number < len(WIDTHS):
            layers[f"pool{number}"] = nn.MaxPool2d(2)
        n_in = n_out
    return nn.Sequential(layers)


def small_cnn(n_classes: int = 2) -> nn.Module:
    """Return an untrained four-block network.

    The input is a normalised batch ``[n, 3, 128, 128]`` (`MEAN`, `STD` of pixels in [0, 1]), the output are
    logits ``[n, n_classes]``. Everything is `nn.Sequential`; there are no residuals, no in-place operations.
    The last spatial layer is ``features.relu4``, ``[n, 96, 8, 8]``; then come ``pool`` (global average),
    ``flatten`` and ``head``.

    Parameters
    ----------
    n_classes : int
        Number of logits; with two, the order is that of `CLASSES`.
    """
    return nn.Sequential(
        OrderedDict(
            {
                "features": _features(),
                "pool": nn.AdaptiveAvgPool2d(1),
                "flatten": nn.Flatten(),
                "head": nn.Linear(WIDTHS[-1], n_classes),
            }
        )
    )


def normalise(pixels: Tensor) -> Tensor:
    """Turn uint8 pixels ``[n, 3, h, w]`` into the network's input."""
    scaled = pixels.float() / 255.0
    return (scaled - scaled.new_tensor(MEAN).view(1, 3, 1, 1)) / scaled.new_tensor(STD).view(1, 3, 1, 1)
