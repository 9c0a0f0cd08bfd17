"""Subgroups and shortcuts in the data on the page and in the tables; the numbers are those of a real judgement."""

import io

import numpy as np
import pandas as pd
import pytest

from auditlens.findings.prevalence import prevalence_findings
from auditlens.findings.subgroups import subgroup_findings
from auditlens.report.html import html_bytes
from auditlens.report.page import render_page
from auditlens.report.prevalence import prevalences_of
from auditlens.report.subgroups import MOST_SHOWN, subgroup_views
from auditlens.report.tables import TABLES, parquet_bytes
from auditlens.stages.subgroups import Stratum
from tests.unit.findings.test_prevalence import PLAN, evidence_of, flags_of, spec_of
from tests.unit.findings.test_subgroups import POINT, plan_of, planted, trials_in

NAMES = ("ruler", "ink", "patch", "red_skin", "hair", "dark_corner", "gel")
STRATA = [Stratum(within={"device": value}, true_class=name) for name in (None, "melanoma") for value in ("A", "B")]


def split(min_units=30):
    """Seven artefacts; the ink acts in device B, the others hardly anywhere."""
    trials = {}
    for place, name in enumerate(NAMES):
        evidence = planted(effect=0.3 if name == "ink" else 0.002 * place, seed=place)
        found = trials_in(evidence)
        raw = type(found.raw)(**{key: getattr(found.raw, key) for key in found.raw.__slots__} | {"artefact": name})
        trials[name] = type(found)(**{key: getattr(found, key) for key in found.__slots__} | {"raw": raw})
    return subgroup_findings(plan_of(min_units, NAMES, STRATA), evidence, POINT, trials)


@pytest.fixture(scope="module")
def told(record):
    prevalences = prevalence_findings(spec_of("has_ruler"), PLAN, evidence_of(*flags_of(100, 4, 50, 19)), {})
    findings = record.findings.model_copy(update={"subgroups": split(), "prevalences": prevalences})
    return record.model_copy(update={"findings": findings})


def test_what_stands_out_comes_first_and_the_rest_is_named(told):
    (view,) = subgroup_views(told)
    assert view.class_name == "melanoma"
    assert view.shown[0].summary.artefact == "ink"
    assert view.shown[0].summary.standing_out
    assert (len(view.shown), len(view.others)) == (MOST_SHOWN, len(NAMES) - MOST_SHOWN)
    assert view.sides == (("melanoma", "benign"), ("benign", "melanoma"))
    worst = [row.stratum.name for row in view.shown[0].rows if view.shown[0].is_worst(row)]
    assert worst == ["melanoma images, device B"]


def test_the_page_shows_them(told, run_dir):
    page = render_page(run_dir, told, "html")
    for words in ("By subgroup", "Clean images by subgroup", "Not drawn: ", "stands out", "melanoma images, device B"):
        assert words in page
    assert "38 % of melanoma images are flagged with “ruler”".replace(" %", "\N{NO-BREAK SPACE}%") in page


def test_without_strata_and_flags_nothing_is_shown(record, run_dir):
    page = render_page(run_dir, record, "html")
    assert "By subgroup" not in page
    assert "Is the shortcut in the data?" not in page
    assert subgroup_views(record) == ()


def test_few_units_are_marked(told, run_dir):
    few = told.findings.model_copy(update={"subgroups": split(min_units=61)})
    page = html_bytes(run_dir, told.model_copy(update={"findings": few})).decode()
    assert "too few" in page
    assert "fewer than 61 units" in page


def table(record, name):
    rows, columns = TABLES[name]
    return pd.read_parquet(io.BytesIO(parquet_bytes(rows(record), columns)))


def test_the_tables_hold_every_number(told, record):
    found = table(told, "subgroups")
    assert len(found) == 2 * 2 + len(NAMES) * (2 * 3 + 2 * 2)
    row = found[(found.artefact == "ink") & (found.measure == "probability") & (found.subgroup == "device B")].iloc[0]
    effect = next(e for e in told.findings.subgroups.effects if e.artefact == "ink" and e.stratum.name == "device B")
    assert row.beyond_value == effect.effect.value
    assert (list(row.within), bool(row.stands_out)) == (["device=B"], True)
    assert np.isnan(row.contrast_low) == (effect.contrast.low is None)
    data = table(told, "prevalences")
    assert data.inside_value.tolist() == [0.38]
    assert table(record, "subgroups").empty
    assert list(table(record, "subgroups").columns) == list(TABLES["subgroups"][1])


def test_what_is_in_the_data_comes_first(told):
    rows = [
        row.model_copy(update={"artefact": name, "conclusion": conclusion})
        for name, conclusion in (("a", "too few"), ("b", "as frequent"), ("c", "in the data"))
        for row in told.findings.prevalences
    ]
    findings = told.findings.model_copy(update={"prevalences": tuple(rows)})
    ordered = prevalences_of(told.model_copy(update={"findings": findings}), "melanoma")
    assert [row.artefact for row in ordered] == ["c", "b", "a"]
