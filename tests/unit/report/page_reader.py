"""Reads a rendered page the way a browser and a screen reader would."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "img", "br", "col", "link", "hr", "input", "wbr"}
SVG_LEAVES = {"path", "rect", "circle", "line"}


class Page(HTMLParser):
    """Elements, links and visible text of a page; `wrong` lists unbalanced tags."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.pieces: list[str] = []
        self.wrong: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        self.wrong += self._open

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.pieces).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()
        else:
            self.wrong.append(f"</{tag}> closes {self._open[-1] if self._open else 'nothing'}")

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self._open):
            self.pieces.append(data)
