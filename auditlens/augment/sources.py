"""The artefacts of a spec as something that is put into training images at random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from auditlens.challenge.draws import digest_of
from auditlens.challenge.instances import BUILDERS, load_artefact
from auditlens.challenge.placement import centre_ellipse
from auditlens.challenge.rendering import ArtefactSource, Box, Image8, Mask, bounding_box, changed
from auditlens.errors import ArtefactError, InputError, nearest
from auditlens.spec.load import LoadedSpec, load_spec
from auditlens.spec.user_code import NO_CODE, CodePolicy, check_code

Choice = str | Sequence[str]
"""`all`, or names of the spec's artefacts."""


@dataclass(frozen=True, slots=True)
class Augmented:
    """An image after its draw.

    Attributes
    ----------
    image : Image8, (height, width, 3)
    artefact : str
        What was put in; empty where nothing was.
    instance : str
        Name of the cut-out or drawing; empty without one.
    box : tuple of int
        Bounding box of the change: left, top, right, bottom; zeros without one.
    """

    image: Image8
    artefact: str = ""
    instance: str = ""
    box: Box = (0, 0, 0, 0)


class Artefacts:
    """Artefacts of a spec, one of which is put into an image at a given rate.

    Parameters
    ----------
    spec : path or LoadedSpec
        Only its artefacts count; the weights and the images that it names need not be there.
    artefacts : "all" or sequence of str
    probability : float
        Rate at which an image gets an artefact, in [0, 1]: one, drawn evenly from those named.
    seed : int
        Of the designs of drawn artefacts. They are others than the audit's, so that what is trained on is not what is
        tested with. Pictures and cut-outs are the spec's own.
    policy : CodePolicy
        Which Python functions of artefacts may run; none by default.

    Raises
    ------
    InputError
        For a rate outside [0, 1], no artefact, or one that the spec does not have.
    SpecError
        An artefact is a Python function that is not allowed to run.
    ArtefactError
        When pictures or masks are missing or broken.
    """

    def __init__(
        self,
        spec: Path | str | LoadedSpec,
        artefacts: Choice,
        probability: float,
        seed: int,
        policy: CodePolicy = NO_CODE,
    ) -> None:
        if not 0 <= probability <= 1:
            raise InputError(f"the probability must lie between 0 and 1, not {probability}")
        loaded = spec if isinstance(spec, LoadedSpec) else load_spec(spec, check_paths=False)
        self.probability, self.seed = probability, seed
        chosen = _chosen(loaded, artefacts)
        check_code(loaded, policy, below={("artefacts", name) for name in chosen})
        self.sources = _sources(loaded, chosen, seed)
        self.left_out = tuple(name for name in loaded.spec.artefacts if artefacts == "all" and name not in self.sources)
        """Artefacts that cannot be made without the audited model, where `all` were asked for."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the artefacts, in the order of the spec."""
        return tuple(self.sources)

    def put(self, image: Image8, rng: np.random.Generator, mask: Mask | None = None) -> Augmented:
        """Draw whether an image gets an artefact, which one and where, and put it in.

        Parameters
        ----------
        image : Image8, (height, width, 3)
            Not changed.
        rng : numpy.random.Generator
            All draws come from it, and none depends on a label.
        mask : Mask, (height, width), optional
            Lesion; what artefacts that avoid it must not cover. The centre without one.
        """
        if rng.random() >= self.probability:
            return Augmented(image)
        name = self.names[int(rng.integers(len(self.names)))]
        source = self.sources[name]
        instance = int(rng.integers(source.n_instances))
        after = source.render(image, instance, rng, _avoided(source, image, mask)).inserted
        return Augmented(after, name, source.names[instance], bounding_box(changed(image, after)))


def _chosen(loaded: LoadedSpec, artefacts: Choice) -> tuple[str, ...]:
    valid = tuple(loaded.spec.artefacts)
    if not valid:
        raise InputError(f"{loaded.path} has no artefacts", hint="include: [auditlens/artefacts/dermoscopy]")
    if artefacts == "all":
        return tuple(name for name in valid if _needs_no_model(loaded, name))
    names = (artefacts,) if isinstance(artefacts, str) else tuple(artefacts)
    for name in names:
        if name not in valid:
            raise InputError(f"the spec has no artefact {name!r}; valid are {', '.join(valid)}{nearest(name, valid)}")
        if not _needs_no_model(loaded, name):
            kind = loaded.spec.artefacts[name].kind
            raise InputError(f"artefact {name!r} ({kind}) is made by the audited model; name others to train with")
    if not names:
        raise InputError(f"no artefact is named; valid are all, or {', '.join(valid)}")
    return tuple(name for name in valid if name in names)


def _needs_no_model(loaded: LoadedSpec, name: str) -> bool:
    """Whether an artefact can be made from the spec alone."""
    return loaded.spec.artefacts[name].kind in BUILDERS


def _sources(loaded: LoadedSpec, names: Sequence[str], seed: int) -> Mapping[str, ArtefactSource]:
    """Load the artefacts, drawn ones from designs of their own."""
    designs = digest_of("augment", seed) % 2**31
    sources = {}
    for name in names:
        try:
            sources[name] = load_artefact(loaded.spec.artefacts[name], loaded.base, designs)
        except ArtefactError as error:
            raise ArtefactError(
                f"artefacts.{name}: {error.message}", location=error.location, hint=error.hint
            ) from error
    return sources


def _avoided(source: ArtefactSource, image: Image8, mask: Mask | None) -> Mask | None:
    if source.artefact.avoid == "nothing":
        return None
    wanted = mask if source.artefact.avoid in ("lesion_mask", "relevance") else None
    return wanted if wanted is not None and wanted.any() else centre_ellipse(image.shape[0], image.shape[1])
