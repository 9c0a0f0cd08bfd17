"""A model with a known shortcut must be caught, and its clean twin must not."""

import pytest

from auditlens import load_record
from auditlens.stages.states import ComponentState, ExitCode, GateState


def gates(record):
    return {result.gate.id: result.state for result in record.verdict.gates}


def test_the_planted_ruler_fails_its_gate(runs):
    record = runs["planted"][0]
    assert gates(record)["false_alarm[ruler]"] is GateState.FAILS
    assert record.verdict.exit_code is ExitCode.GATE_FAILS
    assert "ruler" in record.verdict.sentences[0]


def test_only_the_planted_artefact_fails(runs):
    record = runs["planted"][0]
    failing = {result.gate.artefact for result in record.verdict.gates if result.state is GateState.FAILS}
    assert failing - {None} == {"ruler"}


def test_the_clean_twin_fails_nothing(runs):
    record = runs["clean"][0]
    assert GateState.FAILS not in gates(record).values()
    assert record.verdict.exit_code is not ExitCode.GATE_FAILS


def test_the_effect_is_large_in_one_and_small_in_the_other(runs):
    effects = {}
    for kind, (record, _, _) in runs.items():
        finding = next(row for row in record.findings.artefacts if row.artefact == "ruler")
        effects[kind] = finding.effects[0].beyond
    assert effects["planted"].low > 0.3
    assert effects["clean"].high < 0.15


def test_the_inside_agrees_with_behaviour_for_the_planted_ruler(runs):
    line = next(row for row in runs["planted"][0].findings.confrontations if row.concept == "ruler")
    assert line.conclusion == "both"
    assert line.n_components >= 1


def test_more_relevance_lies_on_ruler_components_than_in_the_twin(runs):
    shares = {}
    for kind, (record, _, _) in runs.items():
        found = record.findings.classes[0].share_by_concept.get("ruler")
        shares[kind] = found.value if found else 0.0
    assert shares["planted"] > shares["clean"]


def test_states_of_relevance_add_up(runs):
    for record, _, _ in runs.values():
        shares = record.findings.classes[0].share_by_state
        assert sum(estimate.value for estimate in shares.values()) == pytest.approx(1, abs=1e-6)
        assert set(shares) <= set(ComponentState)


def test_concepts_without_evidence_are_unverified_and_count_for_nothing(runs):
    record = runs["planted"][0]
    states = {row.concept: row for row in record.findings.concepts}
    veil = states["milky_red_globules"]
    assert veil.state == "unverified"
    assert "column" in veil.would_verify
    for component in record.findings.components:
        for alignment in component.alignments:
            assert alignment.counted == (states[alignment.concept].state == "observable")


def test_the_run_folder_holds_everything(runs):
    folder = runs["planted"][1]
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    wanted = {"record.json", "report.html", "report.pdf", "summary.md", "junit.xml", "results.sarif", "MANIFEST.sha256"}
    assert wanted <= names
    assert any(name.startswith("tables/") for name in names)
    assert any(name.startswith("images/crops/") for name in names)
    assert any(name.startswith("images/pairs/") for name in names)


def test_the_record_reads_back_and_gives_a_frame(runs):
    record, folder, _ = runs["planted"]
    assert load_record(folder) == record
    frame = record.components
    assert {"id", "state", "label", "class_name"} <= set(frame.columns)
    assert len(frame) == len(record.findings.components)
