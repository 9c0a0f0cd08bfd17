"""Anti-aliased drawing: shapes are drawn several times too large and averaged down."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from auditlens.challenge.rendering import Plane

Points = NDArray[np.float64]


def finesse(side: float) -> int:
    """Sub-pixels per pixel and axis: 4 on small images, 2 on large ones, where pixels are fine anyway."""
    return 4 if side <= 400 else 2


class Sheet:
    """A blank sheet of one image size to draw covers on.

    Parameters
    ----------
    height, width : int
        In pixels; coordinates are pixels too, with (0, 0) at the upper left corner of the upper left pixel.
    """

    def __init__(self, height: int, width: int) -> None:
        self.fine = finesse(min(height, width))
        self.size = (width, height)
        self.sheet = Image.new("L", (width * self.fine, height * self.fine))
        self.pen = ImageDraw.Draw(self.sheet)

    def polygon(self, points: Points, level: float = 1.0) -> None:
        """Fill a polygon, (points, 2) as x, y, with a cover from 0 to 1."""
        self.pen.polygon([(float(x), float(y)) for x, y in points * self.fine], fill=round(255 * level))

    def stroke(self, path: Points, widths: NDArray[np.float64], level: float = 1.0) -> None:
        """Draw a path whose width varies along it.

        Parameters
        ----------
        path : Points, (points, 2)
        widths : ndarray of float, (points,)
            Full width at each point, in pixels.
        level : float
            Cover, 0 to 1.
        """
        along = np.gradient(path, axis=0)
        normal = np.stack([-along[:, 1], along[:, 0]], axis=1)
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
        half = 0.5 * widths[:, None] * normal
        self.polygon(np.concatenate([path + half, (path - half)[::-1]]), level)

    def disc(self, centre: tuple[float, float], radius: float, level: float = 1.0) -> None:
        """Fill a circle."""
        x, y, r = centre[0] * self.fine, centre[1] * self.fine, radius * self.fine
        self.pen.ellipse([x - r, y - r, x + r, y + r], fill=round(255 * level))

    def cover(self) -> Plane:
        """Average the sheet down to pixels.

        Returns
        -------
        Plane, (height, width)
            0 to 1.
        """
        small = self.sheet.resize(self.size, Image.Resampling.BOX)
        return np.asarray(small, dtype=np.float32) / np.float32(255.0)


def bezier(controls: Sequence[Sequence[float] | Points], n_points: int = 24) -> Points:
    """Points on a cubic Bezier curve.

    Parameters
    ----------
    controls : (4, 2)
    n_points : int

    Returns
    -------
    Points, (n_points, 2)
    """
    t = np.linspace(0.0, 1.0, n_points)[:, None]
    a, b, c, d = np.asarray(controls, dtype=np.float64)
    curve: Points = (1 - t) ** 3 * a + 3 * t * (1 - t) ** 2 * b + 3 * t**2 * (1 - t) * c + t**3 * d
    return curve


def arc(centre: tuple[float, float], radius: float, start: float, stop: float, n_points: int = 32) -> Points:
    """Points on a circle from one angle to another, in radians.

    Returns
    -------
    Points, (n_points, 2)
    """
    angles = np.linspace(start, stop, n_points)
    return np.stack([centre[0] + radius * np.cos(angles), centre[1] + radius * np.sin(angles)], axis=1)


def smooth_noise(rng: np.random.Generator, size: tuple[int, int], grain: float) -> Plane:
    """Draw smooth noise with mean near 0 and unit variance.

    Parameters
    ----------
    rng : numpy.random.Generator
    size : tuple of int
        Height and width in pixels.
    grain : float
        Distance of the random knots in pixels: how coarse the noise is.

    Returns
    -------
    Plane, (height, width)
    """
    step = max(grain, 1.0)
    knots = (int(np.ceil(size[0] / step)) + 3, int(np.ceil(size[1] / step)) + 3)
    sheet = Image.fromarray(rng.standard_normal(knots).astype(np.float32))
    box = (1.0, 1.0, 1.0 + size[1] / step, 1.0 + size[0] / step)
    noise = np.asarray(sheet.resize((size[1], size[0]), Image.Resampling.BICUBIC, box=box))
    even: Plane = (noise - noise.mean()) / max(float(noise.std()), 1e-6)
    return even
