"""Sentences about what is visible in a picture, with the truth of each as a set of literals.

A caption asserts literals (a concept is visible, or its opposite is). It is true of a picture when all of them
are, false when one is false, and undecided otherwise; training skips what is undecided.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

ARTEFACT_CONCEPTS: Final = ("ruler", "band_aid", "hair", "ink", "red_skin", "dark_corner")
FACTOR_CONCEPTS: Final = ("asymmetric", "irregular_border", "many_colours", "large_diameter", "blue_white_veil")
CONCEPTS: Final = (*ARTEFACT_CONCEPTS, *FACTOR_CONCEPTS, "lesion", "dark_skin")

PRESENT: Final[Mapping[str, tuple[str, ...]]] = {
    "ruler": ("ruler", "ruler marks", "tick marks", "measuring scale", "ruler markings", "scale bar", "rulers"),
    "band_aid": (
        "band-aid", "patch", "coloured patch", "plaster", "sticker", "colored patch", "band aid", "bandage",
        "patches", "colourful patch", "colorful patch",
    ),
    "hair": ("hair", "hairs", "dark hairs", "body hair", "hair strands"),
    "ink": ("ink", "pen marks", "skin marker", "ink marks", "purple ink", "surgical marker", "pen", "blue ink"),
    "red_skin": ("red skin", "reddish skin", "redness", "erythema", "pink skin", "inflamed skin"),
    "dark_corner": (
        "dark corner", "dark corners", "vignette", "black corners", "black frame", "vignetting", "dark frame",
    ),
    "asymmetric": ("asymmetric lesion", "asymmetry", "asymmetrical lesion", "asymmetric shape", "asymmetric"),
    "irregular_border": (
        "irregular border", "ragged border", "notched border", "jagged border", "irregular borders",
        "uneven border", "ragged edge", "irregular edge",
    ),
    "many_colours": (
        "many colours", "variegated colour", "multiple colours", "several colours", "many colors",
        "multiple colors", "variegated color", "colour variegation", "color variegation",
    ),
    "large_diameter": ("large lesion", "large diameter", "big lesion", "large mole", "wide lesion"),
    "blue_white_veil": ("blue-white veil", "bluish veil", "blue white veil"),
    "lesion": ("lesion", "pigmented lesion", "mole", "skin lesion", "nevus"),
    "dark_skin": ("dark skin", "brown skin", "dark brown skin"),
}  # fmt: skip
ABSENT: Final[Mapping[str, tuple[str, ...]]] = {
    "asymmetric": ("symmetric lesion", "symmetry", "symmetrical lesion", "symmetric shape", "symmetric"),
    "irregular_border": ("smooth border", "regular border", "even border", "smooth edge", "smooth borders"),
    "many_colours": ("one colour", "uniform colour", "single colour", "uniform color", "one color"),
    "large_diameter": ("small lesion", "small diameter", "tiny lesion", "small mole"),
    "dark_skin": ("light skin", "fair skin", "pale skin"),
}
NO_EMPHASIS: Final[Mapping[str, float]] = {}
PLAIN: Final = ("plain skin", "bare skin", "clear skin", "normal skin", "healthy skin", "skin without lesion")
TEMPLATES: Final = (
    "{}", "a {}", "an image of {}", "a photo of {}", "a photo of a {}", "an image of a {}", "skin with {}",
    "a dermoscopy image with {}", "a dermoscopic image of {}", "an image showing {}", "a close-up of {}",
    "a skin image with {}", "{} on skin", "a dermoscopy image of {}", "an image of skin with {}",
    "a photo of skin with {}",
)  # fmt: skip
NULLS: Final = (
    "an image of skin", "a photo of skin", "skin", "a dermoscopy image", "a dermoscopic image", "an image",
    "a photo", "a skin image", "an image of", "a photo of", "a close-up of skin", "a dermoscopy image of",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Caption:
    """A sentence and what it asserts.

    Attributes
    ----------
    text : str
        The sentence.
    asserts : mapping of str to bool
        Concept to whether it is said to be there; empty for a sentence that is true of every picture.
    nonsense : bool
        True for words that fit no picture of this kind.
    """

    text: str
    asserts: Mapping[str, bool]
    nonsense: bool = False


def _pick(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]


def _concept(rng: np.random.Generator, emphasis: Mapping[str, float]) -> str:
    if not emphasis:
        return _pick(rng, CONCEPTS)
    weights = np.array([emphasis.get(concept, 1.0) for concept in CONCEPTS])
    return CONCEPTS[int(rng.choice(len(CONCEPTS), p=weights / weights.sum()))]


def _phrase(rng: np.random.Generator, emphasis: Mapping[str, float]) -> tuple[str, dict[str, bool]]:
    """Draw a phrase of one concept, present or, where language has a word for it, absent."""
    if rng.random() < 0.05:
        return _pick(rng, PLAIN), dict.fromkeys((*ARTEFACT_CONCEPTS, "lesion"), False)
    concept = _concept(rng, emphasis)
    if concept in ABSENT and rng.random() < 0.4:
        return _pick(rng, ABSENT[concept]), {concept: False}
    return _pick(rng, PRESENT[concept]), {concept: True}


def draw_caption(
    rng: np.random.Generator, rare_words: tuple[str, ...], emphasis: Mapping[str, float] = NO_EMPHASIS
) -> Caption:
    """Draw a caption: mostly one phrase, at times two, a null sentence or unrelated words.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the choices.
    rare_words : tuple of str
        Words that fit none of these pictures; a sentence with one of them is false of all.
    emphasis : mapping of str to float
        How much more often than once some concepts are drawn.
    """
    kind = rng.random()
    if kind < 0.03:
        return Caption(_pick(rng, NULLS), {})
    if kind < 0.10:
        return Caption(_pick(rng, TEMPLATES).format(_pick(rng, rare_words)), {}, nonsense=True)
    phrase, asserts = _phrase(rng, emphasis)
    if kind > 0.88:
        further, also = _phrase(rng, emphasis)
        if not set(also) & set(asserts):
            phrase, asserts = f"{phrase} and {further}", {**asserts, **also}
    return Caption(_pick(rng, TEMPLATES).format(phrase), asserts)


def truth(captions: list[Caption], visible: NDArray[np.float32]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which captions are true and which are false of which pictures, both ``[pictures, captions]``.

    Parameters
    ----------
    captions : list of Caption
        The sentences.
    visible : float ``[pictures, concepts]``
        In the order of `CONCEPTS`: +1 visible, -1 not, 0 undecided.
    """
    said = np.zeros((len(captions), len(CONCEPTS)), np.float32)
    for row, caption in zip(said, captions, strict=True):
        for concept, value in caption.asserts.items():
            row[CONCEPTS.index(concept)] = 1 if value else -1
    nonsense = np.array([caption.nonsense for caption in captions])
    agreement = visible[:, None, :] * said[None]
    false = (agreement < 0).any(-1) | nonsense
    true = (agreement > 0).sum(-1) == (said != 0).sum(-1)
    return true & ~nonsense, false
