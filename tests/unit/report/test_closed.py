"""What a spec's words can do to a report: nothing. No markup, no template, no file and no network."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from jinja2.exceptions import SecurityError

from auditlens.errors import ReportError
from auditlens.report import pdf
from auditlens.report.html import html_bytes
from auditlens.report.page import make_environment
from auditlens.stages.record import AuditRecord
from tests.unit.report.page_reader import Page

HOSTILE = "mel</title><script>x()</script>{{ ''.__class__.__mro__ }}{% raw %}<img src=http://a/>\"'"
WORDS = ("melanoma", "ruler", "Dermoscopy")
"""A class, an artefact with its concept, the title: names and sentences all over the record."""


@pytest.fixture(scope="module")
def hostile(record: AuditRecord) -> AuditRecord:
    """The record with the words replaced wherever they stand, but for the names of picture files."""
    text = record.to_json()
    for word in WORDS:
        text = text.replace(word, json.dumps(HOSTILE + word)[1:-1])
    for name in record.images:
        broken = name
        for word in WORDS:
            broken = broken.replace(word, HOSTILE + word)
        text = text.replace(json.dumps(broken)[1:-1], name)
    return AuditRecord.model_validate_json(text)


def test_words_of_a_spec_stay_words(run_dir: Path, hostile: AuditRecord, html: str) -> None:
    text = html_bytes(run_dir, hostile).decode()
    page = Page(text)
    assert page.wrong == []
    assert page.all("script") == []
    assert len(page.all("img")) == len(Page(html).all("img"))
    assert all(image["src"].startswith("data:") for image in page.all("img"))
    assert page.text.count("{{ ''.__class__.__mro__ }}") > 50
    assert "<class" not in text.replace("&lt;", "<")


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ words.__globals__ }}",
        "{{ words.__init__.__globals__['os'] }}",
        "{{ ''|attr('__class__') }}",
        "{{ '{0.__class__}'.format(1) }}",
        "{% set r = [] %}{{ r.__class__.__base__.__subclasses__() }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ self._TemplateReference__context }}",
    ],
)
def test_a_template_cannot_reach_the_insides_of_python(template: str) -> None:
    environment = make_environment()
    environment.globals["words"] = make_environment
    with pytest.raises(SecurityError):
        environment.from_string(template).render()


def test_a_template_is_one_of_ours() -> None:
    """A path out of the folder of the templates is no template."""
    from jinja2 import TemplateNotFound

    with pytest.raises(TemplateNotFound):
        make_environment().get_template("../pyproject.toml")


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """A web server on this machine that notes who asks."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


def loaded_weasyprint() -> Any:
    try:
        return pdf._weasyprint()
    except ReportError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize(
    "html",
    [
        "<img src='{url}/a.png'>",
        "<link rel=stylesheet href='{url}/a.css'>",
        "<style>@import url({url}/a.css); p {{ background: url({url}/b.png) }}</style><p>a",
        "<style>@font-face {{ font-family: f; src: url({url}/a.woff2) }} p {{ font-family: f }}</style><p>a",
        "<a rel=attachment href='{url}/a.txt'>a</a>",
        "<object data='{url}/a.svg'></object>",
    ],
)
@pytest.mark.parametrize("where", ["network", "file"])
def test_the_pdf_reads_nothing_but_its_own_text(
    tmp_path: Path, listener: tuple[str, list[str]], html: str, where: str
) -> None:
    """Whatever else is asked for ends the rendering; it is never fetched."""
    weasyprint = loaded_weasyprint()
    url, asked = listener
    for name in ("a.png", "a.css", "b.png", "a.woff2", "a.txt", "a.svg"):
        (tmp_path / name).write_text("SECRET")
    document = pdf._document(weasyprint, html.format(url=url if where == "network" else tmp_path.as_uri()))
    with pytest.raises(weasyprint.urls.FatalURLFetchingError):
        document.write_pdf(attachments=[])
    assert asked == []


def test_a_picture_within_a_chart_is_not_fetched_either(tmp_path: Path, listener: tuple[str, list[str]]) -> None:
    """WeasyPrint leaves it out without a word."""
    weasyprint = loaded_weasyprint()
    url, asked = listener
    html = f"<svg width=9 height=9><image href='{url}/a.png' width=9 height=9 /></svg>"
    pdf._document(weasyprint, html).write_pdf()
    assert asked == []
