"""YAML files -> trees with places, refusing what no honest spec contains.

The parser is PyYAML's (libyaml where it is built in); only its events are used. No tag makes an object, so nothing in a
spec can run code, and size, depth and expansion are bounded before anything is built.
"""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Any, Final

import yaml

from auditlens.errors import Fault, Location, SpecError, nearest
from auditlens.spec.nodes import Fields, Items, Leaf, Node, Path, Problems, dotted, fields, items, one_line
from auditlens.spec.scalars import Scalar, read_scalar

MAX_BYTES: Final = 1_000_000
MAX_DEPTH: Final = 40
MAX_VALUES: Final = 100_000
MERGE: Final = "<<"
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_QUOTES: Final = ("'", '"', "|", ">")
_TAG: Final = "tag:yaml.org,2002:"
_SCALAR_TAGS: Final[dict[str, set[type]]] = {"int": {int}, "float": {int, float}, "bool": {bool}, "null": {type(None)}}
_STRUCTURE_TAGS: Final = {None, "!", _TAG + "map", _TAG + "seq"}


def read_text(path: FilePath, shown: str) -> str:
    """Read a spec's text: a regular file of UTF-8 text under 1 MB.

    Raises
    ------
    SpecError
        Located at the file, or at the byte that is no text.
    """
    at = Location(shown)
    try:
        if not path.exists():
            raise _refusal(at, f"there is no such file{_sibling(path)}")
        if not path.is_file():
            raise _refusal(at, "this is no regular file; give the YAML file itself")
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:  # also a name that is too long, a link to itself, a folder that may not be entered
        raise _refusal(at, f"the file cannot be read: {error.strerror}") from error
    if len(raw) > MAX_BYTES:
        raise _refusal(Location(shown, 1, 1), "the file is larger than 1 MB, which no spec needs")
    return _decoded(raw, shown)


def _sibling(path: FilePath) -> str:
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return ""
    return nearest(path.name, names)


def _decoded(raw: bytes, shown: str) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _refusal(Location(shown, 1, 1), "the file is UTF-16; save it as UTF-8")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        at = _place_of(raw[: error.start], shown)
        raise _refusal(at, "the file is not UTF-8 text; save it as UTF-8") from error
    if "\0" in text:
        raise _refusal(_place_of(raw[: raw.index(b"\0")], shown), "the file is binary, not YAML text")
    return text


def _place_of(before: bytes, shown: str) -> Location:
    text = before.decode("utf-8", errors="replace")
    return Location(shown, text.count("\n") + 1, len(text) - (text.rfind("\n") + 1) + 1)


def _refusal(at: Location, sentence: str) -> SpecError:
    place = Location(one_line(at.file), at.line, at.column)
    return SpecError(sentence, location=at, faults=(Fault(place, "", one_line(sentence)),))


def parse(text: str, shown: str, problems: Problems) -> Fields:
    """Parse the text of one file into a mapping.

    Parameters
    ----------
    text : str
    shown : str
        The file's name in messages.
    problems : Problems
        Takes duplicate keys, unreadable scalars and tags: what does not keep the rest from being read.

    Raises
    ------
    SpecError
        Where the text is no YAML, empty, no mapping, or expands beyond all measure.
    """
    try:
        root = _Reader(text, shown, problems).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = Location(shown, mark.line + 1, mark.column + 1) if mark else Location(shown)
        raise _refusal(at, f"not valid YAML: {_why(error)}{_advice(text, mark)}") from error
    except (yaml.YAMLError, UnicodeError) as error:
        raise _refusal(Location(shown), f"not valid YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(root, Fields):
        raise _refusal(root.at, "a spec is a mapping that begins with 'auditlens: 1'")
    return root


def _advice(text: str, mark: Any) -> str:
    lines = text.splitlines()
    line = lines[mark.line] if mark and mark.line < len(lines) else ""
    if line and line[mark.column :].startswith("\t"):
        return "; a tab is no indentation, use blanks"
    if line and line[: mark.column].endswith("$") and line[mark.column :].startswith("{"):
        return "; within { } or [ ] a ${...} stands in quotes, and one that becomes a number in a line of its own"
    return ""


def _why(error: yaml.MarkedYAMLError) -> str:
    parts = [part for part in (error.context, error.problem) if part]
    why = ", ".join(parts) or "it cannot be parsed"
    return why.replace("\t", "a tab").replace("'a tab'", "a tab")


class _Reader:
    """Builds the tree of one document from the parser's events."""

    def __init__(self, text: str, shown: str, problems: Problems) -> None:
        self._events = _LOADER(text)
        self._shown = shown
        self._problems = problems
        self._anchors: dict[str, Node | None] = {}

    def document(self) -> Node:
        """Read the only document of the stream."""
        self._events.get_event()  # the stream's start
        if self._events.check_event(yaml.StreamEndEvent):
            raise _refusal(Location(self._shown, 1, 1), "the file is empty; a spec begins with 'auditlens: 1'")
        self._events.get_event()  # the document's start
        root = self._node(self._events.get_event(), ())
        self._events.get_event()  # the document's end
        if not self._events.check_event(yaml.StreamEndEvent):
            raise _refusal(self._at(self._events.get_event()), "a second document; a spec is one document")
        return root

    def _at(self, event: Any) -> Location:
        return Location(self._shown, event.start_mark.line + 1, event.start_mark.column + 1)

    def _node(self, event: Any, path: Path) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if len(path) > MAX_DEPTH:
            raise _refusal(self._at(event), f"nested more than {MAX_DEPTH} levels deep")
        if event.anchor:
            self._anchors[event.anchor] = None
        node = self._anchored(event, path)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, event: Any) -> Node:
        if event.anchor not in self._anchors:
            known = nearest(event.anchor, self._anchors)
            raise _refusal(self._at(event), f"the alias '*{event.anchor}' has no anchor before it{known}")
        node = self._anchors[event.anchor]
        if node is None:
            raise _refusal(self._at(event), f"the alias '*{event.anchor}' stands inside its own anchor")
        return node

    def _anchored(self, event: Any, path: Path) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path)
        if event.tag not in _STRUCTURE_TAGS:
            self._problems.add(self._at(event), path, f"the tag {_tag(event.tag)} has no meaning in a spec")
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(event, path)
        return self._mapping(event, path)

    def _scalar(self, event: Any, path: Path) -> Leaf:
        at, unquoted = self._at(event), event.style not in _QUOTES
        try:
            value = _typed(event.value, event.tag, unquoted)
        except ValueError as error:
            self._problems.add(at, path, str(error))
            value = event.value
        return Leaf(value, at, plain=unquoted)

    def _list(self, start: Any, path: Path) -> Items:
        at, size = self._at(start), 1
        found: list[Node] = []
        while not isinstance(event := self._events.get_event(), yaml.SequenceEndEvent):
            found.append(self._node(event, (*path, len(found))))
            size = self._bounded(size + found[-1].size, at)
        return items(tuple(found), at)

    def _mapping(self, start: Any, path: Path) -> Fields:
        at, size = self._at(start), 1
        own: dict[str, tuple[Location, Node]] = {}
        inherited: dict[str, tuple[Location, Node]] = {}
        while not isinstance(event := self._events.get_event(), yaml.MappingEndEvent):
            key, key_at, is_merge = self._key(event, path)
            value = self._node(self._events.get_event(), (*path, key))
            if key in own or (is_merge and inherited):
                self._problems.add(key_at, (*path, key), f"the key {key!r} stands here twice")
            if is_merge:
                inherited = self._merged(value, (*path, key), key_at) | inherited
            else:
                own[key] = (key_at, value)
            size = self._bounded(size + value.size, at)
        return fields(inherited | own, at)

    def _key(self, event: Any, path: Path) -> tuple[str, Location, bool]:
        at = self._at(event)
        if not isinstance(event, yaml.ScalarEvent):
            where = f"{dotted(path)}: " if path else ""
            raise _refusal(at, f"{where}a key must be plain text")
        return event.value, at, event.value == MERGE and event.style not in _QUOTES

    def _merged(self, value: Node, path: Path, at: Location) -> dict[str, tuple[Location, Node]]:
        sources = value.items if isinstance(value, Items) else (value,)
        merged: dict[str, tuple[Location, Node]] = {}
        for source in sources:
            if isinstance(source, Fields):
                merged = source.entries | merged
            else:
                self._problems.add(at, path, "'<<' takes a mapping or a list of mappings, such as '*anchor'")
        return merged

    def _bounded(self, size: int, at: Location) -> int:
        if size > MAX_VALUES:
            what = "aliases expand this to" if self._anchors else "this holds"
            raise _refusal(at, f"{what} more than {MAX_VALUES:,} values, which no spec needs")
        return size


def _typed(text: str, tag: str | None, unquoted: bool) -> Scalar:
    """Give a scalar its type; explicit tags other than `!!str` may only say what is so anyway."""
    if tag is None:
        return read_scalar(text) if unquoted else text
    if tag in ("!", _TAG + "str"):
        return text
    fits = _SCALAR_TAGS.get(tag.removeprefix(_TAG))
    if fits is None:
        raise ValueError(f"the tag {_tag(tag)} has no meaning in a spec")
    value = read_scalar(text)
    if type(value) in fits:
        return value
    raise ValueError(f"{text!r} is no {_tag(tag)}")


def _tag(tag: str) -> str:
    return tag.replace(_TAG, "!!")
