"""Several artefacts in one image: each as in its own test, laid one after another, and their shams likewise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

from auditlens.challenge.draws import digest_of
from auditlens.challenge.layering import Part, laid_together
from auditlens.challenge.rendering import ArtefactSource, Rendering, energy
from auditlens.challenge.sham import Sham
from auditlens.challenge.trials import Picture, Trial, instances_for, plan_trials
from auditlens.data.images import load_rgb
from auditlens.data.sample import DataIndex, Sample

LAYING: Final = {
    "background": 0,
    "tint": 1,
    "hue_shift": 3,
    "colour_cast": 3,
    "colour_profile": 3,
    "blur": 4,
    "jpeg": 5,
}
"""Which kinds go first and last: skin lies under what lies on it, and the camera sees all of it, the file last."""
ON_THE_SKIN: Final = 2


@dataclass(frozen=True, slots=True)
class Member:
    """One artefact of a combination.

    Attributes
    ----------
    name : str
        As in the spec: it names the streams of place, size and opacity.
    source : ArtefactSource
    instances : mapping of row to int
        Instance per image of the data.
    """

    name: str
    source: ArtefactSource
    instances: dict[int, int]


def laying_order(kinds: dict[str, str]) -> tuple[str, ...]:
    """Order in which artefacts are laid: by `LAYING`, then as in the spec.

    Parameters
    ----------
    kinds : mapping of artefact name to kind
        In the order of the spec.
    """
    return tuple(sorted(kinds, key=lambda name: LAYING.get(kinds[name], ON_THE_SKIN)))


def planned_combinations(names: Sequence[str], *, pairs: bool, all_together: bool) -> tuple[tuple[str, ...], ...]:
    """Every pair, then all together where that is more than a pair (or pairs are not wanted)."""
    found: list[tuple[str, ...]] = list(combinations(names, 2)) if pairs else []
    if all_together and tuple(names) not in found:
        found.append(tuple(names))
    return tuple(found)


def instances_in_test(
    index: DataIndex,
    name: str,
    source: ArtefactSource,
    tested: Sequence[int],
    rows: Sequence[int],
    seed: int,
    repeats: int,
) -> dict[int, int]:
    """Instance of an artefact in each image: the one of its own test, or drawn by hash where the test left it out.

    Parameters
    ----------
    index : DataIndex
    name : str
    source : ArtefactSource
    tested : sequence of int
        Images of the artefact's own test.
    rows : sequence of int
        Images of the combinations.
    seed, repeats : int
        Of the test; its first repetition counts.
    """
    trials = plan_trials(index, name, source, tested, seed=seed, repeats=repeats)
    own = {trial.row: trial.instance for trial in trials if trial.repetition == 0}
    return {row: own[row] if row in own else _by_hash(index.samples[row], name, source, seed) for row in rows}


def _by_hash(sample: Sample, name: str, source: ArtefactSource, seed: int) -> int:
    valid = instances_for(source, sample)
    return valid[digest_of("deal", name, seed, sample.digest) % len(valid)]


def combined_picture(index: DataIndex, members: Sequence[Member], trial: Trial, seed: int) -> Picture:
    """Lay the artefacts of a combination into one image, and their shams into another.

    Each artefact draws from the stream of its own test, so a combination holds the very same single artefacts. The
    sham of the combination is made of shams in the same way: each is as strong as its artefact is on what has been laid
    so far, and the first is that of the artefact's own test. One sham over the union of the places would spread the
    energy of a strong artefact over the place of a weak one, and would be no sum of the single shams.

    Returns
    -------
    Picture
        Without a sham where one of the artefacts has none.
    """
    sample = index.samples[trial.row]
    before = load_rgb(sample)
    parts = [
        Part(member.name, member.source, replace(trial, instance=member.instances[trial.row])) for member in members
    ]
    found = laid_together(sample, before, parts, seed)
    rendering = Rendering(found.inserted, found.alpha)
    if found.sham is None:
        return Picture(before, rendering, None)
    target = energy(before, found.inserted)
    return Picture(before, rendering, Sham(found.sham, energy(before, found.sham) / target if target else float("nan")))
