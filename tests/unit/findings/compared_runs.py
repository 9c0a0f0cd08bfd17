"""Runs to compare: a synthetic record whose artefact findings and performance come from answers that it keeps."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

from auditlens.findings.answers import answers_of
from auditlens.findings.artefacts import Trials, artefact_finding
from auditlens.findings.decision import OperatingPoint
from auditlens.findings.performance import performance
from auditlens.findings.side_by_side import Run
from auditlens.stages.evidence import ArtefactTrials, Evidence, Predictions, Samples
from auditlens.stages.record import AuditRecord
from tests.unit.report.synthetic_record import make_record

N_IMAGES, N_INSTANCES, N_DRAWS = 120, 20, 1000


@cache
def base() -> AuditRecord:
    """The record that all runs share, but for what they measured."""
    return make_record(Path(mkdtemp(prefix="compared-")))


def logistic(values):
    chance = 1 / (1 + np.exp(-values))
    return np.stack([1 - chance, chance], axis=1)


def evidence(model: int, effect: float, *, data: int = 0, n: int = N_IMAGES, noise: float = 0.5, sham: bool = True):
    """Evidence on images of the seed `data`; models differ by a little noise of their own, so that they correlate."""
    shared, own = np.random.default_rng(data), np.random.default_rng(1000 + model)
    labels = shared.integers(0, 2, n)
    clean = 2.0 * labels - 1.5 + shared.normal(0, 1.5, n) + own.normal(0, noise, n)
    pull = effect * np.exp(shared.normal(0, 0.7, n))
    instances = np.arange(n) % N_INSTANCES
    after = clean + pull + shared.normal(0, 0.3, N_INSTANCES)[instances] + own.normal(0, noise / 5, n)
    with_sham = clean + shared.normal(0, 0.2, n)
    samples = Samples(tuple(f"{row:04d}.png" for row in range(n)), labels, np.arange(n) // 2, {}, labels)
    logits = {name: np.stack([np.zeros(n), values], axis=1) for name, values in (("a", after), ("s", with_sham))}
    trials = ArtefactTrials(
        artefact="ruler",
        image_indices=np.arange(n),
        instances=instances,
        instance_names=tuple(map(str, range(N_INSTANCES))),
        logits=logits["a"],
        sham_logits=logits["s"] if sham else np.full((n, 2), np.nan),
        probabilities=logistic(after),
        sham_probabilities=logistic(with_sham) if sham else np.full((n, 2), np.nan),
        area=shared.random(n),
        energy_ratio=np.ones(n),
        boxes=np.zeros((n, 4), int),
    )
    predictions = Predictions(np.stack([np.zeros(n), clean], axis=1), logistic(clean))
    return Evidence(samples, predictions, {}, {}, {}, None, {"ruler": trials}, ())


def make_run(name: str, model: int = 0, effect: float = 1.0, pictures: str = "p", kept: bool = True, **more) -> Run:
    """One run; `effect` is the median pull of the artefact on the log-odds."""
    found, record = evidence(model, effect, **more), base()
    plan = record.plan.model_copy(update={"audited_classes": ("melanoma",)})
    point = OperatingPoint.of(plan.model)
    trials = Trials(found.trials["ruler"], found.samples, found.predictions, point, N_DRAWS, plan.seed)
    findings = record.findings.model_copy(
        update={
            "performance": performance(found.samples, found.predictions, point),
            "artefacts": (artefact_finding(trials, "melanoma", "a ruler"),),
        }
    )
    spec = record.spec | {"challenge": {"n_draws": N_DRAWS}}
    made = record.model_copy(update={"plan": plan, "findings": findings, "spec": spec})
    return Run(name, made, answers_of(found, plan, {"ruler": pictures}) if kept else None)


def with_plan(run: Run, **changes) -> Run:
    """The same run with another plan."""
    plan = run.record.plan.model_copy(update=changes)
    return Run(run.name, run.record.model_copy(update={"plan": plan}), run.answers)
