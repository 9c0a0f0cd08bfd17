"""The sets of images that a spec declares, read, and compared with one another and with lists of salted ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from auditlens.data.index import read_index
from auditlens.data.overlaps import ids_of, list_overlaps, set_overlaps
from auditlens.data.salted import read_list
from auditlens.data.sample import DataIndex
from auditlens.errors import AuditLensError, InputError
from auditlens.plan.selection import Chosen
from auditlens.spec.load import LoadedSpec
from auditlens.spec.model import Data, DataSet, ImageSet
from auditlens.spec.nodes import Path
from auditlens.spec.overlap import salt_of
from auditlens.spec.paths import resolve
from auditlens.spec.sets import SERVING, is_read
from auditlens.stages.sets import ListOverlap, PlannedSet, PlannedSets, SetOverlap, SetRole, Use
from auditlens.store import Store

HERE: Path = ("data",)
RELAX = "or write `data.forbidden_overlap: {on_overlap: report}`, and the report names them"


@dataclass(frozen=True, slots=True)
class FoundSets:
    """What was read.

    Attributes
    ----------
    index : DataIndex
        The audited images.
    planned : PlannedSets
    seeing : pair of str and DataIndex, or None
        The set for observability with its name; None where the audited images serve.
    examples : pair of str and DataIndex, or None
        The set that concept examples come from; None where the audited images serve.
    """

    index: DataIndex
    planned: PlannedSets
    seeing: tuple[str, DataIndex] | None = None
    examples: tuple[str, DataIndex] | None = None


def find_sets(chosen: Chosen, classes: tuple[str, ...], store: Store) -> FoundSets:
    """Read the sets that this run needs, before a model sees an image.

    A run on the sealed set reads every set, to compare them all; any other run reads what it uses, and leaves the
    sealed set alone.

    Parameters
    ----------
    chosen : Chosen
        The spec as it runs, with the name of its audited set.
    classes : tuple of str
        The model's classes.
    store : Store

    Raises
    ------
    InputError
        A set cannot be read, or holds what it must not: located in the spec, with counts and without ids.
    """
    search = _Search(chosen.loaded, chosen.whole.data, classes, store)
    data, name = chosen.loaded.spec.data, chosen.data
    index = search.read(data, name)
    lists = search.lists(data, index, name)
    if name is None:
        return FoundSets(index, PlannedSets(lists=lists))
    sets = chosen.whole.data.sets
    read = {name: index} | {other: search.read(sets[other], other) for other in _others(sets, name)}
    overlaps = set_overlaps(read)
    search.demand_apart(overlaps)
    planned = tuple(_planned(one, sets[one], found, one == name) for one, found in read.items())

    def used(use: Use) -> tuple[str, DataIndex] | None:
        return next(((row.name, read[row.name]) for row in planned if use in row.uses), None)

    return FoundSets(
        index,
        PlannedSets(audited=name, role=sets[name].role, sets=planned, overlaps=overlaps, lists=lists),
        seeing=used("observability"),
        examples=used("concept examples"),
    )


def _others(sets: Mapping[str, DataSet], name: str) -> list[str]:
    """Sets that are read beside the audited one: all of them where it is sealed, else those that serve it."""
    sealed = sets[name].role is SetRole.SEALED
    return [other for other, one in sets.items() if other != name and is_read(other, one.role, name, sealed=sealed)]


def _planned(name: str, declared: DataSet, index: DataIndex, audited: bool) -> PlannedSet:
    use = SERVING.get(declared.role, "compared")
    return PlannedSet(
        name=name,
        role=declared.role,
        uses=("audited",) if audited else (use,),
        source=index.source,
        sha256=index.digest,
        n_images=len(index),
        n_units=index.n_units,
        unit_column=index.unit_column,
        n_left_out=index.n_left_out,
    )


@dataclass(frozen=True, slots=True)
class _Search:
    """What reading and comparing take; every fault is told with its place in the spec."""

    loaded: LoadedSpec
    declared: Data
    classes: tuple[str, ...]
    store: Store

    def read(self, data: ImageSet, name: str | None) -> DataIndex:
        """Read one set."""
        with self._located(HERE if name is None else (*HERE, "sets", name), only=name is not None):
            return read_index(data, self.loaded.base, self.classes, self.store)

    @contextmanager
    def _located(self, path: Path, *, only: bool = True) -> Iterator[None]:
        try:
            yield
        except AuditLensError as error:
            if error.location is None and only:
                error.location = self.loaded.locate(path)
            raise

    @property
    def lenient(self) -> bool:
        """Whether what is shared stands in the report only."""
        forbidden = self.declared.forbidden_overlap
        return forbidden is not None and forbidden.on_overlap == "report"

    def demand_apart(self, overlaps: Iterable[SetOverlap]) -> None:
        """Refuse sets that share units or images; two sets for development may."""
        sets = self.declared.sets
        shared = [
            row
            for row in overlaps
            if (row.n_units or row.n_images) and {sets[row.first].role, sets[row.second].role} != {SetRole.DEVELOPMENT}
        ]
        if not shared or self.lenient:
            return
        said = "; ".join(f"{row.first} and {row.second} share {_counts(row)}" for row in shared)
        where = self.loaded.locate((*HERE, "sets", shared[0].second))
        raise InputError(f"data.sets: {said}", location=where, hint=f"take them out of one, {RELAX}")

    def lists(self, data: ImageSet, index: DataIndex, name: str | None) -> tuple[ListOverlap, ...]:
        """Look for the ids of a set in every list; a list that cannot be used, or that holds some, is an error."""
        forbidden = self.declared.forbidden_overlap
        if forbidden is None or not forbidden.with_:
            return ()
        base, salt = self.loaded.base, salt_of(forbidden)
        with self._located((*HERE, "forbidden_overlap")):
            lists = [read_list(resolve(text, base), salt) for text in forbidden.with_]
            found = list_overlaps(name, ids_of(data, index, forbidden.column, base, self.store), lists, salt)
        self._demand_none(found)
        return found

    def _demand_none(self, found: Iterable[ListOverlap]) -> None:
        shared = [row for row in found if row.n_found]
        if not shared or self.lenient:
            return
        said = "; ".join(
            f"{row.n_found} of {row.n_checked} ids ({row.column}) of {row.set_name or 'the images'} are in {row.file}"
            for row in shared
        )
        where = self.loaded.locate((*HERE, "forbidden_overlap", "with"))
        raise InputError(
            f"data.forbidden_overlap: {said}",
            location=where,
            hint=f"take their images out of the audited ones, {RELAX}",
        )


def _counts(row: SetOverlap) -> str:
    units = "units that cannot be compared" if row.n_units is None else f"{row.n_units} unit(s)"
    return f"{units} and {row.n_images} image(s)"
