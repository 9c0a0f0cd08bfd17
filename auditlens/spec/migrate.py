"""An older spec rewritten for the format of today, with its comments."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from auditlens.errors import Location, SpecError
from auditlens.spec.migrations import MIGRATIONS
from auditlens.spec.nodes import Problems
from auditlens.spec.reading import parse
from auditlens.spec.round_trip import comments_of, read_tree, write_tree
from auditlens.spec.versions import CURRENT, FIELD, check_version, version_of


@dataclass(frozen=True, slots=True)
class Migrated:
    """A rewritten spec.

    Attributes
    ----------
    text : str
        The new text; the old one where there was nothing to do.
    version : int
        The version that it had.
    changes : tuple of str
        One line per change, in the order they were made.
    """

    text: str
    version: int
    changes: tuple[str, ...]


def migrate(text: str, shown: str) -> Migrated:
    """Rewrite a spec of an older version, one version after the other.

    Parameters
    ----------
    text : str
    shown : str
        The file as the user named it, for messages.

    Raises
    ------
    SpecError
        Where the text is no YAML, has no version, one that nobody knows, or a comment where none can be kept.
    """
    version = _version(text, shown)
    if version == CURRENT:
        return Migrated(text, version, ())
    lines = text.replace("\r\n", "\n")  # ruamel.yaml would write both kinds of line ends into one file
    tree, changes = read_tree(lines), list[str]()
    for older in range(version, CURRENT):
        for step in MIGRATIONS[older]:
            changes += step(tree)
        tree[FIELD] = older + 1
    changed = write_tree(tree, lines)
    _check_comments(lines, changed, shown)
    return Migrated(changed.replace("\n", "\r\n") if lines != text else changed, version, tuple(changes))


def _version(text: str, shown: str) -> int:
    problems = Problems()
    document = parse(text, shown, problems)
    if problems:
        raise SpecError(f"{shown}: cannot be read", faults=problems.errors)
    version = version_of(document)
    if version is None:
        at = Location(shown, 1, 1)
        raise SpecError(f"there is no version to start from; write '{FIELD}: 0' for a draft", location=at)
    if version not in MIGRATIONS:
        check_version(document, shown)
    return version


def _check_comments(before: str, after: str, shown: str) -> None:
    """Refuse to lose what somebody has written."""
    left = Counter(_words(comment) for _, comment in comments_of(after))
    for line, comment in comments_of(before):
        left[_words(comment)] -= 1
        if left[_words(comment)] < 0 and _words(comment):
            said = f"the comment {comment!r} cannot be kept here; put it on a line of its own, outside of braces"
            raise SpecError(said, location=Location(shown, line))


def _words(comment: str) -> str:
    return comment.lstrip("#").strip()
