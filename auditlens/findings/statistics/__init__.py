"""Numbers with their units come in; Estimates, each with an interval that allows for clustering, go out."""

from auditlens.findings.statistics.auroc import auroc, auroc_difference
from auditlens.findings.statistics.auroc_change import auroc_change_difference
from auditlens.findings.statistics.between import (
    difference_of_changes,
    independent_difference,
    overlapping_rate_difference,
)
from auditlens.findings.statistics.holm import holm, holm_confidences
from auditlens.findings.statistics.means import mean_effect, mean_effects, mean_share, quantile, quantiles
from auditlens.findings.statistics.paired import rate_difference
from auditlens.findings.statistics.rates import rate
from auditlens.findings.statistics.ratio import ratio_of_means
from auditlens.findings.statistics.smallest import bound_with_zero_events, n_for_zero_events

__all__ = [
    "auroc",
    "auroc_change_difference",
    "auroc_difference",
    "bound_with_zero_events",
    "difference_of_changes",
    "holm",
    "holm_confidences",
    "independent_difference",
    "mean_effect",
    "mean_effects",
    "mean_share",
    "n_for_zero_events",
    "overlapping_rate_difference",
    "quantile",
    "quantiles",
    "rate",
    "rate_difference",
    "ratio_of_means",
]
