"""Everything that the measurements share: what was loaded, where results are kept, how progress is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditlens.data.images import load_rgb
from auditlens.data.sample import DataIndex
from auditlens.semantics.foundation import FoundationModel
from auditlens.spec.model import AuditSpec
from auditlens.stages.carriers import Carriers
from auditlens.stages.evidence import Samples, Skipped
from auditlens.stages.progress import Progress
from auditlens.stages.sets import PlannedSets
from auditlens.store import Store
from auditlens.subject import Subject
from auditlens.subject.behaving import Behaving
from auditlens.subject.released import ReleasedModel

CHUNK = 4
"""Batches per stored chunk: what a run that was cut off may lose."""


@dataclass(frozen=True, slots=True)
class FurtherImages:
    """A set beside the audited one.

    Attributes
    ----------
    name : str
    index : DataIndex
    samples : Samples
    """

    name: str
    index: DataIndex
    samples: Samples


@dataclass(frozen=True, slots=True)
class Context:
    """What every measurement of one run needs.

    Attributes
    ----------
    spec : AuditSpec
        As it reads for the audited set alone: `data` names the images of `index`.
    base : Path
        Folder that the spec's paths are relative to.
    subject : Subject
    index : DataIndex
    samples : Samples
    foundation : FoundationModel or None
    store : Store
    progress : Progress
    batch_size : int
    model_key : mapping
        Everything that the model's outputs depend on, for keys of stored results.
    released : ReleasedModel or None
        The file that ships; `subject` is then its eager twin, or has no layers where there is none.
    no_inside : Skipped or None
        Why nothing inside can be looked at, if so.
    opinions : tuple of FoundationModel
        Further foundation models, in the order of the spec.
    carriers : mapping of concept to Carriers
        Images that carry an artefact by its score, once they have been told.
    pictures : mapping of artefact to str
        Digest of what the audited model's inside gave its pictures (masks, places); none for most artefacts.
    sets : PlannedSets
        Which set the images are, and what it has in common with others.
    seeing : FurtherImages or None
        The set on which it is measured what the foundation model sees; None: the audited one.
    examples : FurtherImages or None
        The set that concept examples come from; None: the audited one, or nothing inside is looked at.
    left_aside : tuple of str
        Layers that a run of the whole spec would examine, where nothing that was selected reads them.
    """

    spec: AuditSpec
    base: Path
    subject: Subject
    index: DataIndex
    samples: Samples
    foundation: FoundationModel | None
    store: Store
    progress: Progress
    batch_size: int
    model_key: Mapping[str, Any]
    released: ReleasedModel | None = None
    no_inside: Skipped | None = None
    opinions: tuple[FoundationModel, ...] = ()
    carriers: Mapping[str, Carriers] = field(default_factory=dict)
    pictures: Mapping[str, str] = field(default_factory=dict)
    sets: PlannedSets = field(default_factory=PlannedSets)
    seeing: FurtherImages | None = None
    examples: FurtherImages | None = None
    left_aside: tuple[str, ...] = ()

    @property
    def chunk_size(self) -> int:
        """Images per stored chunk."""
        return CHUNK * self.batch_size

    def key(self, **further: Any) -> dict[str, Any]:
        """Key of a result that depends on model and images."""
        return {"model": dict(self.model_key), "data": self.index.digest, "seed": self.spec.seed} | further

    @property
    def behaving(self) -> Behaving:
        """The model whose behaviour is measured: the file that ships, where there is one."""
        return self.subject if self.released is None else self.released

    def behaviour_key(self, **further: Any) -> dict[str, Any]:
        """Key of a result that depends on what the model says of the images, not on its inside."""
        if self.released is None:
            return self.key(**further)
        model = {**self.model_key, "subject": self.released.digest, "on": str(self.released.device)}
        return self.key(**further) | {"model": model}

    def on(self, images: FurtherImages) -> Context:
        """The same measurements on another set."""
        return replace(self, index=images.index, samples=images.samples, seeing=None, examples=None)

    def without_examples(self) -> Context:
        """The same run without a set for concept examples, since nothing inside is looked at."""
        return replace(self, examples=None, sets=self.sets.without_examples())

    @property
    def on_examples(self) -> Context:
        """The same measurements on the images that concept examples come from."""
        return self if self.examples is None else self.on(self.examples)

    def labelling(self, column: str | None) -> Samples | None:
        """Images that say where a concept is: those of the set for observability, else the audited; None: none do."""
        known = [*([self.seeing.samples] if self.seeing is not None else []), self.samples]
        return next((samples for samples in known if column in samples.columns), None)

    def load(self, row: int) -> NDArray[np.uint8]:
        """RGB pixels of one image, (height, width, 3)."""
        return load_rgb(self.index.samples[row])

    def told(self) -> Callable[[int, int], None]:
        """Turn the store's (done, total) into steps of the progress display."""
        before = 0

        def tell(done: int, _total: int) -> None:
            nonlocal before
            self.progress.advance(done - before)
            before = done

        return tell

    def layer_names(self) -> tuple[str, ...]:
        """Names of the layers to examine."""
        return tuple(layer.name for layer in self.subject.layers)
