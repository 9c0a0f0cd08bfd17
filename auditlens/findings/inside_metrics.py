"""Gate metrics of one class's inside, beyond shares of relevance by state.

Every value is taken over the images: resampling is of units, and components, labels and concept examples are held as
they were found. `LayerRelevance.relevance` gives each image's share of relevance per component.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from auditlens.examine.interpretability import clarity, component_embeddings, nearest_components, polysemanticity
from auditlens.findings.alignment import AlignmentTable
from auditlens.findings.labels import Labels
from auditlens.findings.statistics import mean_share, ratio_of_means
from auditlens.stages.evidence import ComponentExamples, Floats, Ints, LayerRelevance
from auditlens.stages.findings import Estimate
from auditlens.stages.states import ComponentState

SPURIOUS = (ComponentState.SPURIOUS, ComponentState.BOTH)
VALID = (ComponentState.VALID, ComponentState.BOTH)


def adjusted(confidence: float, n_tests: int) -> float:
    """Confidence at which each of several bounds is drawn so that all hold at once (Bonferroni)."""
    return 1 - (1 - confidence) / max(n_tests, 1)


def strongest_share(
    relevance: LayerRelevance, components: Sequence[int], units: Ints, *, confidence: float
) -> Estimate:
    """Largest mean share of |relevance| of any single one of the components, 0 to 1; 0 without any.

    Upper bound: the largest of the components' own upper bounds, which needs no correction, since the largest share
    exceeds it only where its own component's does. Lower bound: the largest of the lower bounds, each drawn at
    `adjusted` confidence, since the component that looks largest was picked for it.
    """
    if not components:
        nothing = np.zeros((len(relevance.relevance), 1))
        return mean_share(nothing, units, confidence=confidence, sided="one")[0]
    shares = np.abs(relevance.relevance[:, list(components)])
    own = mean_share(shares, units, confidence=confidence, sided="one")
    careful = mean_share(shares, units, confidence=adjusted(confidence, len(components)), sided="one")
    place = max(range(len(components)), key=lambda k: own[k].value or 0.0)
    lows, highs = [row.low for row in careful], [row.high for row in own]
    return own[place].model_copy(
        update={
            "low": None if None in lows else max(low for low in lows if low is not None),
            "high": None if None in highs else max(high for high in highs if high is not None),
            "method": f"{own[place].method}; lower bound at {100 * adjusted(confidence, len(components)):.4g} %",
            "note": "; ".join(filter(None, (own[place].note, f"largest of {len(components)}: {components[place]}"))),
        }
    )


def coverage(
    relevance: LayerRelevance,
    labels: Labels,
    groups: Mapping[str, str],
    floor: float,
    units: Ints,
    *,
    confidence: float,
) -> Estimate:
    """Share of groups of valid concepts that a relevant component is labelled with, 0 to 1.

    A component is relevant where its mean share of |relevance| is at the floor or above. The bounds count the groups
    that would be covered if every labelled component's share were at its lower, or upper, bound, all drawn at
    `adjusted` confidence, so that they hold at once.

    Parameters
    ----------
    groups : mapping of concept to group
        Valid concepts that the foundation model sees; a concept of no group is a group of its own.
    """
    carriers = [k for k in labels.where(*VALID) if labels.labels[k] in groups]
    of = [groups[labels.labels[k] or ""] for k in carriers]
    n_groups = len(set(groups.values()))
    shares = np.abs(relevance.relevance[:, carriers]) if carriers else np.zeros((len(relevance.relevance), 1))
    rows = mean_share(shares, units, confidence=adjusted(confidence, len(carriers)), sided="one")

    def covered(ends: Sequence[float | None]) -> set[str]:
        return {group for group, end in zip(of, ends, strict=False) if end is not None and end >= floor}

    found = covered([row.value for row in rows])
    known = all(row.low is not None for row in rows)
    missing = sorted(set(groups.values()) - found)
    return rows[0].model_copy(
        update={
            "value": len(found) / n_groups,
            "low": len(covered([row.low for row in rows])) / n_groups if known else None,
            "high": len(covered([row.high for row in rows])) / n_groups if known else None,
            "confidence": confidence,
            "method": "bounds on each labelled component's share of relevance, all at once (Bonferroni)",
            "note": f"not covered: {', '.join(missing)}" if missing else "",
            "too_few": any(row.too_few for row in rows),
        }
    )


def weighted_score(
    relevance: LayerRelevance, components: Ints, scores: Floats, units: Ints, *, confidence: float
) -> Estimate | None:
    """Mean of the components' scores, each weighted by its |relevance| on each image; None without a score.

    sum_i sum_k |R_ik| s_k / sum_i sum_k |R_ik| over images i: a ratio of two means over the images.

    Parameters
    ----------
    components : (components,)
        Indices in the layer.
    scores : (components,)
        NaN where a component has none; it is then left out.
    """
    known = np.isfinite(scores)
    weights = np.abs(relevance.relevance[:, components[known]])
    if not known.any() or not weights.any():
        return None
    below = weights.sum(axis=1, dtype=np.float64)
    found = ratio_of_means(weights @ scores[known], below, units, confidence=confidence, sided="one")
    return found.model_copy(update={"note": "; ".join(filter(None, (found.note, f"over {known.sum()} components")))})


def margin_scores(table: AlignmentTable, valid: Sequence[str], spurious: Sequence[str]) -> Floats:
    """Best raw alignment with a valid concept minus best with a spurious one, per component, -2 to 2.

    The scores are the paper's a (3.3) of every concept that counts, whether or not it could label the component:
    leaving those out that people's flags contradict would leave out most components, and the clearest first.
    """
    best = [table.raw[:, [table.concepts.index(name) for name in family]].max(axis=1) for family in (valid, spurious)]
    return np.asarray(best[0] - best[1])


def interpretability_scores(metric: str, examples: ComponentExamples) -> Floats:
    """Clarity, redundancy (highest similarity to another) or polysemanticity of a layer's examined components (3.5)."""
    if not len(examples.components) or not examples.embeddings.shape[-1]:
        return np.full(len(examples.components), np.nan)
    if metric == "redundancy":
        return nearest_components(component_embeddings(examples.embeddings, examples.weights))[1]
    return {"clarity": clarity, "polysemanticity": polysemanticity}[metric](examples.embeddings)
