"""Findings and the planned gates come in; the one Verdict that every writer and the exit code read goes out."""

from auditlens.verdict.decide import decide
from auditlens.verdict.weight import Weight, exit_code_of, is_accepted, judged_under, weight_of

__all__ = ["Weight", "decide", "exit_code_of", "is_accepted", "judged_under", "weight_of"]
