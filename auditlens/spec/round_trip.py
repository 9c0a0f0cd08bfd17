"""YAML that is changed and written again with its comments, anchors, quotes and order (ruamel.yaml)."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

Tree = Any
"""A `ruamel.yaml` mapping or list; the library has no types that would help here."""
_WIDE: Final = 100_000
"""No line is folded."""
_KEY: Final = r"^( *)[^\s#-][^\n]*:[ \t]*(?:#[^\n]*)?\n(?:[ \t]*#[^\n]*\n|[ \t]*\n)*"
_LIST_BELOW_KEY: Final = re.compile(_KEY + r"( *)- ", re.MULTILINE)
_MAPPING_BELOW_KEY: Final = re.compile(_KEY + r"( +)[^\s#-]", re.MULTILINE)


def read_tree(text: str) -> Tree:
    """Read one document as a tree that remembers how it was written."""
    return _writer(text).load(text)


def write_tree(tree: Tree, text: str) -> str:
    """Write a tree, indented as the text that it was read from; no line end is left with blanks that were not there."""
    stream = io.StringIO()
    _writer(text).dump(tree, stream)
    return stream.getvalue()


def _writer(text: str) -> Any:
    from ruamel.yaml import YAML  # the only user of the library; other commands start without it

    writer = YAML(typ="rt")
    writer.preserve_quotes = True
    writer.width = _WIDE
    writer.representer.add_representer(type(None), _null)
    mapping = _step(_MAPPING_BELOW_KEY, text, 2)
    offset = _step(_LIST_BELOW_KEY, text, 0)
    writer.indent(mapping=mapping, sequence=offset + 2, offset=offset)
    return writer


def _null(representer: Any, _: None) -> Any:
    """Write `null`, by which an included entry is taken out, so that it is seen."""
    return representer.represent_scalar("tag:yaml.org,2002:null", "null")


def _step(pattern: re.Pattern[str], text: str, default: int) -> int:
    """How much deeper what stands below a key begins; the most frequent depth."""
    steps = [len(inner) - len(outer) for outer, inner in pattern.findall(text) if len(inner) >= len(outer)]
    return max(set(steps), key=steps.count) if steps else default


def own_keys(mapping: Tree) -> list[Any]:
    """List the keys that a mapping has itself, without those that `<<` brings."""
    return [key for key, _ in mapping.non_merged_items()]


def rename(mapping: Tree, old: str, new: str) -> None:
    """Give an entry another key, in its place and with its comments."""
    _put(mapping, own_keys(mapping).index(old), new, mapping[old], mapping.ca.items.pop(old, None))
    _delete(mapping, old)


def unfold(mapping: Tree, key: str) -> None:
    """Put the entries of a mapping below a key into the place of that key."""
    inner = mapping[key]
    position, comments = own_keys(mapping).index(key), _texts(mapping.ca.items.pop(key, None))
    _delete(mapping, key)
    for step, name in enumerate(own_keys(inner)):
        _put(mapping, position + step, name, inner[name], inner.ca.items.get(name))
    _before(mapping, position, comments)


def remove(mapping: Tree, key: str) -> None:
    """Take an entry out; its comments go to the entry that follows, or to the end."""
    position = own_keys(mapping).index(key)
    comments = [*_texts(mapping.ca.items.pop(key, None)), *_all_texts(mapping[key])]
    _delete(mapping, key)
    _before(mapping, position, comments)


def wrap(mapping: Tree, key: str, name: str) -> None:
    """Put the value of a key below a further one: `key: [a]` becomes `key: {name: [a]}`."""
    from ruamel.yaml.comments import CommentedMap

    value = mapping[key]
    wrapped = CommentedMap({name: value})
    if value.fa.flow_style():
        wrapped.fa.set_flow_style()
        value.ca.comment = None  # it stands with the key too, and would be written inside the braces
    mapping[key] = wrapped


def by_id(items: Tree) -> Tree | None:
    """Turn a list of mappings, each with an `id`, into one mapping; None where one has no `id` of its own."""
    from ruamel.yaml.comments import CommentedMap

    if not all(isinstance(item, dict) and "id" in own_keys(item) for item in items):
        return None
    named = CommentedMap()
    for index, item in enumerate(items):
        name = str(item["id"])
        remove(item, "id")
        named[name] = item
        _before(named, len(named) - 1, _texts(items.ca.items.get(index)), column=max(2, item.lc.col - 2))
    if items.ca.end:
        named.ca.comment = [None, None]  # without it ruamel writes no comment at the end
        named.ca.end = items.ca.end
    return named


def quoted(text: str) -> Any:
    """Make a text that is written in double quotes."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    return DoubleQuotedScalarString(text)


def _delete(mapping: Tree, key: str) -> None:
    """Take an entry out; mappings that merge this one are not told, which ruamel 0.19 fails at and no dump needs."""
    told, mapping._ref = mapping._ref, []
    del mapping[key]
    mapping._ref = told


def _put(mapping: Tree, position: int, key: str, value: Any, comments: Any) -> None:
    mapping.insert(position, key, value)
    if comments is not None:
        mapping.ca.items[key] = comments


def _before(mapping: Tree, position: int, comments: list[str], column: int | None = None) -> None:
    """Write comments above the entry at a position, or below the last one."""
    if not comments:
        return
    keys, indent = own_keys(mapping), (mapping.lc.col or 0) if column is None else column
    text = "\n".join(comment.lstrip("#").strip() for comment in dict.fromkeys(comments))
    if position < len(keys):
        mapping.yaml_set_comment_before_after_key(keys[position], before=text, indent=indent)
    elif keys:
        mapping.yaml_set_comment_before_after_key(keys[-1], after=text, after_indent=indent)


def _all_texts(node: Tree) -> list[str]:
    """Collect the comments of a whole subtree."""
    if not hasattr(node, "ca"):
        return []
    found = [*_texts(node.ca.comment), *_texts(node.ca.end)]
    for comments in node.ca.items.values():
        found += _texts(comments)
    children = node.values() if isinstance(node, dict) else node
    return found + [text for child in children for text in _all_texts(child)]


def _texts(comments: Any) -> list[str]:
    """Flatten ruamel's nested lists of comment tokens into lines."""
    if comments is None:
        return []
    if isinstance(comments, list | tuple):
        return [text for part in comments for text in _texts(part)]
    return [line.strip() for line in comments.value.splitlines() if line.strip()]


def comments_of(text: str) -> Iterator[tuple[int, str]]:
    """Find every comment of a text with its line, whatever stands in quotes or blocks.

    Yields
    ------
    tuple of int and str
    """
    spans = [
        (token.start_mark.index, token.end_mark.index)
        for token in yaml.scan(text)
        if isinstance(token, yaml.ScalarToken)
    ]
    blocked = bytearray(len(text) + 1)
    for start, end in spans:
        blocked[start:end] = b"\1" * (end - start)
    for match in re.finditer(r"(?:(?<=\s)|^)#[^\n]*", text, re.MULTILINE):
        if not blocked[match.start()]:
            yield text.count("\n", 0, match.start()) + 1, match[0].strip()
