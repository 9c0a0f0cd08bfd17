"""Progress: nothing, lines, or a live display."""

from __future__ import annotations

import io
import re

from auditlens.cli.progress import LineProgress, LiveProgress, shown_progress
from auditlens.stages.progress import Silent


class Terminal(io.StringIO):
    def isatty(self):
        return True


def work(progress):
    progress.stage("Reading images", None)
    progress.done("1500 images")
    progress.stage("Examining", 40)
    progress.advance(30)
    progress.advance(10)
    progress.stage("Judging [the] evidence", None)
    progress.done()
    progress.done()
    progress.advance()


def test_quiet_shows_nothing():
    stream = Terminal()
    with shown_progress(quiet=True, stream=stream) as progress:
        assert isinstance(progress, Silent)
        work(progress)
    assert stream.getvalue() == ""


def test_without_a_terminal_there_is_one_line_per_finished_stage():
    stream = io.StringIO()
    with shown_progress(quiet=False, stream=stream) as progress:
        assert isinstance(progress, LineProgress)
        work(progress)
    lines = [re.sub(r"\d+\.\d s", "T", line) for line in stream.getvalue().splitlines()]
    assert lines == ["Reading images: 1500 images in T", "Examining: 40 in T", "Judging [the] evidence: done in T"]


def test_in_a_terminal_stages_stay_listed_with_their_counts(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "140")
    stream = Terminal()
    with shown_progress(quiet=False, stream=stream) as progress:
        assert isinstance(progress, LiveProgress)
        work(progress)
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())
    for text in ("Reading images", "1500 images", "Examining", "40/40", "Judging [the] evidence", "✓"):
        assert text in shown


def test_the_display_is_put_away_when_the_work_fails(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    try:
        with shown_progress(quiet=False, stream=stream) as progress:
            progress.stage("Examining", 4)
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert stream.getvalue().endswith("\x1b[?25h") or "\x1b[?25h" in stream.getvalue()  # the cursor is back
