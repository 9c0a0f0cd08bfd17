"""Artefacts that a Python function of the user puts in; the function is checked before anything is run."""

from __future__ import annotations

import inspect
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from auditlens.challenge.draws import between, stream
from auditlens.challenge.loading import Loading
from auditlens.challenge.placement import centre_ellipse
from auditlens.challenge.rendering import Image8, Mask, Plane, Rendering, changed, to_uint8
from auditlens.challenge.strokes import smooth_noise
from auditlens.errors import ArtefactError, Location
from auditlens.spec.artefacts import Python
from auditlens.spec.paths import resolve
from auditlens.store.python_objects import load_function, on_import_path, searched_first

PROBE_SIZE: Final = (97, 128)
_ONE_AT_A_TIME: Final = threading.Lock()
"""Nobody promised that a user's function may run in two threads at once."""


@dataclass(frozen=True, slots=True)
class PythonSource:
    """A user's function.

    It is called as `function(image, instance, rng, avoid, **arguments)`: `image` uint8 (height, width, 3), a copy;
    `instance` from 0 to `n_instances` - 1; `rng` a numpy Generator, the only source of chance that it may use; `avoid`
    bool (height, width) or None, where it must not draw. If it has a parameter `scale`, it gets the drawn size factor.
    It returns the image with the artefact, uint8 of the same shape, or a pair of it and the support: where the artefact
    lies, 0 to 1 or bool, (height, width).

    Attributes
    ----------
    artefact : Python
    function : callable
    import_path : Path or None
    takes_scale : bool
    """

    artefact: Python
    function: Callable[..., Any]
    import_path: Path | None
    takes_scale: bool

    @property
    def n_instances(self) -> int:
        """As the spec says."""
        return self.artefact.n_instances

    @property
    def names(self) -> tuple[str, ...]:
        """Such as `stamp 3`."""
        short = self.artefact.function.partition(":")[2]
        return tuple(f"{short} {number}" for number in range(1, self.n_instances + 1))

    def render(self, image: Image8, instance: int, rng: np.random.Generator, avoid_mask: Mask | None) -> Rendering:
        """Let the function put one instance in; opacity blends the result with the original.

        Raises
        ------
        ArtefactError
            When the function fails, or gives something that is no such image.
        """
        scale, opacity = between(rng, self.artefact.scale), between(rng, self.artefact.opacity)
        answer = self._called(image, instance, rng, avoid_mask, scale)
        after, support = answer if isinstance(answer, tuple) and len(answer) == 2 else (answer, None)
        after = self._image(after, image)
        alpha = self._support(support, image, after) * np.float32(opacity)
        if opacity < 1.0:
            after = to_uint8(image * (1.0 - opacity) + after * opacity)
        if self.artefact.extent != "place":
            alpha = np.ones(image.shape[:2], dtype=np.float32)
        return Rendering(
            after, alpha, full_field=self.artefact.extent != "place", of_detail=self.artefact.extent == "detail"
        )

    def _called(
        self, image: Image8, instance: int, rng: np.random.Generator, avoid_mask: Mask | None, scale: float
    ) -> Any:
        more = dict(self.artefact.arguments) | ({"scale": scale} if self.takes_scale else {})
        avoid = None if avoid_mask is None else avoid_mask.copy()
        try:
            with _ONE_AT_A_TIME, on_import_path(self.import_path):
                return self.function(image.copy(), instance, rng, avoid, **more)
        except (Exception, SystemExit) as error:  # somebody else's code may raise anything, or leave
            raise ArtefactError(
                f"{self._name} failed for instance {instance}: {type(error).__name__}: {error}",
                location=_raised_at(error, self.function),
            ) from error

    def _image(self, after: object, image: Image8) -> Image8:
        wanted = f"an image of uint8 with shape {image.shape}"
        if not isinstance(after, np.ndarray):
            raise self._wrong(f"gave {_named(after)}, not {wanted}, or a pair of it and its support")
        if np.issubdtype(after.dtype, np.floating) and not np.isfinite(after).all():
            raise self._wrong(f"gave values that are not finite; it must give {wanted}")
        if after.dtype != np.uint8 or after.shape != image.shape:
            raise self._wrong(f"gave {after.dtype} with shape {after.shape}; it must give {wanted}")
        return after.copy()

    def _support(self, support: object, image: Image8, after: Image8) -> Plane:
        """The support that was given, and 1 where a pixel changed outside of it."""
        differs = changed(image, after)
        if support is None:
            return differs.astype(np.float32)
        size = image.shape[:2]
        if not isinstance(support, np.ndarray) or support.shape != size:
            shape = getattr(support, "shape", None)
            raise self._wrong(f"gave a support of {_named(support)} with shape {shape}; it must be an array of {size}")
        if support.dtype.kind not in "bfiu":
            raise self._wrong(f"gave a support of {support.dtype}; it must be bool or numbers from 0 to 1")
        values: Plane = support.astype(np.float32)
        if not (np.isfinite(values).all() and values.min(initial=0) >= 0 and values.max(initial=0) <= 1):
            raise self._wrong("gave a support with values outside of 0 to 1")
        return np.where(differs & (values <= 0), np.float32(1.0), values).astype(np.float32)

    @property
    def _name(self) -> str:
        return f"python function {self.artefact.function!r}"

    def _wrong(self, what: str) -> ArtefactError:
        return ArtefactError(f"{self._name} {what}", location=_defined_at(self.function))


def load_python(artefact: Python, loading: Loading) -> PythonSource:
    """Import the function, and try it twice on a small picture.

    Parameters
    ----------
    artefact : Python
    loading : Loading

    Returns
    -------
    PythonSource

    Raises
    ------
    ArtefactError
        When it cannot be imported, does not take what it is given, fails, returns no such image, or gives two
        different images for the same arguments and the same state of the generator.
    """
    folder = resolve(artefact.import_path, loading.base) if artefact.import_path is not None else None
    function = load_function(artefact.function, folder, ArtefactError)
    source = PythonSource(
        artefact,
        function,
        searched_first(artefact.function, folder),
        _takes(function, "scale") and "scale" not in artefact.arguments,
    )
    for instance in dict.fromkeys((0, artefact.n_instances - 1)):
        first, second = (_tried(source, instance) for _ in range(2))
        if not (np.array_equal(first.inserted, second.inserted) and np.array_equal(first.alpha, second.alpha)):
            raise ArtefactError(
                f"python function {artefact.function!r} gave two different images for the same arguments (instance "
                f"{instance}); everything random must come from `rng`, and nothing may be kept between calls",
                location=_defined_at(function),
            )
    return source


def _tried(source: PythonSource, instance: int) -> Rendering:
    """Render on a small picture that is neither grey nor square."""
    rng = stream("probe of a python function")
    shade = smooth_noise(rng, PROBE_SIZE, 20.0)[:, :, None] * np.float32(20.0)
    image = to_uint8(np.array((190.0, 150.0, 130.0), dtype=np.float32) + shade)
    return source.render(image, instance, stream("probe of a python function", instance), centre_ellipse(*PROBE_SIZE))


def _takes(function: Callable[..., Any], name: str) -> bool:
    try:
        return name in inspect.signature(function).parameters
    except (TypeError, ValueError):  # built in C, without a signature
        return False


def _defined_at(function: Callable[..., Any]) -> Location | None:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return Location(code.co_filename, code.co_firstlineno) if code is not None else None


def _raised_at(error: BaseException, function: Callable[..., Any]) -> Location | None:
    """The deepest line of the function's own file on the way to an exception; where it is defined, if there is none."""
    defined = _defined_at(function)
    if defined is None:
        return None
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == defined.file]
    return Location(defined.file, frames[-1].lineno) if frames else defined


def _named(value: object) -> str:
    return "nothing" if value is None else type(value).__name__
