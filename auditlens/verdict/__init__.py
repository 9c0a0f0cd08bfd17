"""Findings and the planned gates come in; the one Verdict that every writer and the exit code read goes out."""

from auditlens.verdict.decide import decide, exit_code

__all__ = ["decide", "exit_code"]
