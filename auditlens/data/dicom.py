"""DICOM files to pixels; needs the extra `dicom` (pydicom)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from auditlens.data.values import to_eight_bits
from auditlens.errors import InputError
from auditlens.spec.model import Window

SUFFIXES: Final = (".dcm", ".dicom")
MAGIC: Final = b"DICM"
UNIT_CHANGES: Final = ("RescaleSlope", "ModalityLUTSequence")
GREY: Final = ("MONOCHROME1", "MONOCHROME2")


def is_dicom(path: Path) -> bool:
    """Whether a file is DICOM: by its suffix, or where it has none by its first bytes."""
    if path.suffix.lower() in SUFFIXES:
        return True
    if path.suffix[1:].isalpha():
        return False
    with path.open("rb") as file:
        return file.read(132)[128:] == MAGIC


def read_dicom(path: Path, window: Window | None) -> NDArray[np.uint8]:
    """Decode one DICOM image to 8-bit RGB.

    Grey values are brought to their unit (modality LUT, or rescale slope and intercept), mapped to 0..255 by the
    window, and turned round for MONOCHROME1. Colour images and palettes are converted to RGB.

    Parameters
    ----------
    path : Path
    window : (low, high), "full", "file" or None
        In the values' own unit; `file` takes the window, or the table, that the file names.

    Returns
    -------
    NDArray of uint8, (height, width, 3)

    Raises
    ------
    InputError
        pydicom is not installed.
    ValueError
        Several frames, no pixels, a compression that nothing here decodes, or no declared window.
    """
    pydicom = _pydicom()
    try:
        dataset = pydicom.dcmread(path)
        _demand_one_frame(dataset)
        grey = str(dataset.PhotometricInterpretation) in GREY
        return _grey(dataset, window) if grey else _colour(dataset)
    except (pydicom.errors.InvalidDicomError, AttributeError, KeyError, NotImplementedError, RuntimeError) as error:
        reason = "".join(str(error).splitlines()[:1])
        raise ValueError(f"{type(error).__name__}: {reason}") from error


def dicom_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels, from the header alone.

    Raises
    ------
    ValueError
        A file that is no DICOM, or without an image.
    """
    pydicom = _pydicom()
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True)
        return int(header.Columns), int(header.Rows)
    except (pydicom.errors.InvalidDicomError, AttributeError) as error:
        raise ValueError(str(error)) from error


def _pydicom() -> Any:
    try:
        import pydicom.pixels
    except ImportError as error:
        raise InputError(
            "DICOM images need the package pydicom", hint="pip install 'auditlens[dicom]', or convert them to PNG"
        ) from error
    return pydicom


def _demand_one_frame(dataset: Any) -> None:
    frames = int(dataset.get("NumberOfFrames", 1) or 1)
    if frames != 1:
        raise ValueError(f"it holds {frames} frames; an audit takes images of one frame, so export each as a file")
    if "PixelData" not in dataset:
        raise ValueError("it holds no pixels")


def _grey(dataset: Any, window: Window | None) -> NDArray[np.uint8]:
    values = np.asarray(_pydicom().pixels.apply_modality_lut(_pydicom().pixels.pixel_array(dataset), dataset))
    bits = int(dataset.BitsStored)
    if window == "file":
        pixels = _by_own_window(dataset, values)
    else:
        plain = bits <= 8 and not any(name in dataset for name in UNIT_CHANGES)
        declared = "full" if plain and window is None else window
        pixels = to_eight_bits(values, declared, _full_range(dataset, bits), f"DICOM values of {bits} bits")
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        pixels = np.asarray(255 - pixels, dtype=np.uint8)
    return np.repeat(pixels[:, :, None], 3, axis=2)


def _by_own_window(dataset: Any, values: NDArray[Any]) -> NDArray[np.uint8]:
    """Apply the first window that the file names, else its table (DICOM PS3.3, C.11.2)."""
    if "WindowCenter" in dataset:
        centre, width = _first(dataset.WindowCenter), _first(dataset.WindowWidth)
        function = str(dataset.get("VOILUTFunction", "LINEAR") or "LINEAR")
        if function == "SIGMOID":
            values, limits = 1.0 / (1.0 + np.exp(-4.0 * (values - centre) / width)), (0.0, 1.0)
        else:
            edges = (centre - 0.5, width - 1.0) if function == "LINEAR" else (centre, width)
            limits = edges[0] - edges[1] / 2, edges[0] + edges[1] / 2
        if not limits[0] < limits[1]:
            raise ValueError(f"the file's own window is {width:g} wide; write [low, high] in `data.window`")
        return to_eight_bits(values, limits, None, "DICOM values")
    if "VOILUTSequence" in dataset:
        highest = 2.0 ** int(dataset.VOILUTSequence[0].LUTDescriptor[2]) - 1.0
        return to_eight_bits(
            np.asarray(_pydicom().pixels.apply_voi(values, dataset)), (0.0, highest), None, "DICOM values"
        )
    raise ValueError("`data.window: file` is declared, but the file names no window; write [low, high]")


def _first(value: Any) -> float:
    """Return the first of several values, or the only one."""
    return float(value) if isinstance(value, int | float | str) else float(value[0])


def _full_range(dataset: Any, bits: int) -> tuple[float, float] | None:
    """Range that the stored bits can hold, in the values' unit; unknown behind a table."""
    if "ModalityLUTSequence" in dataset:
        return None
    signed = int(dataset.get("PixelRepresentation", 0))
    stored = np.array([-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] if signed else [0, 2**bits - 1], dtype=np.float64)
    ends = stored * float(dataset.get("RescaleSlope", 1)) + float(dataset.get("RescaleIntercept", 0))
    return float(ends.min()), float(ends.max())


def _colour(dataset: Any) -> NDArray[np.uint8]:
    pixels = np.asarray(_pydicom().pixels.pixel_array(dataset))  # YBR becomes RGB
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        pixels = np.asarray(_pydicom().pixels.apply_color_lut(pixels, dataset))
        pixels = (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels
    if pixels.dtype != np.uint8 or pixels.ndim != 3:
        raise ValueError(f"colours of {dataset.BitsStored} bits are not supported; 8 are")
    return np.ascontiguousarray(pixels[:, :, :3])
