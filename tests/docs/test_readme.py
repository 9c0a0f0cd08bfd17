"""The README's spec is valid, its names and commands exist, and every link of the documentation leads somewhere."""

import re
from pathlib import Path

import pytest

import auditlens
from auditlens.cli.main import COMMANDS
from auditlens.spec.load import load_spec
from auditlens.spec.model import METRICS
from auditlens.stages.record import AuditRecord
from auditlens.stages.states import ExitCode
from auditlens.stages.verdict import Verdict

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def spec(tmp_path):
    (example,) = blocks("yaml")
    for name in ("derm-1.3.safetensors", "test.csv"):
        (tmp_path / name).touch()
    (tmp_path / "spec.yaml").write_text(example, encoding="utf-8")
    return load_spec(tmp_path / "spec.yaml").spec


def test_the_spec_is_valid(spec):
    assert spec.decision.class_ == "melanoma"
    assert {gate.metric for gate in spec.gates.values()} <= set(METRICS)


def test_the_gates_of_the_spec_can_be_planned(spec):
    from auditlens.plan.gates import expand_gates

    ids = [gate.id for gate in expand_gates(spec, spec.model.classes, "melanoma")]
    assert "works" in ids
    assert {"missed[ruler]", "missed[ink]"} <= set(ids)
    assert any(name.startswith("seen[") for name in ids)


def test_the_names_of_the_python_example_exist():
    (example,) = blocks("python")
    compile(example, "README.md", "exec")
    assert "al.audit(" in example
    assert callable(auditlens.audit)
    for name in re.findall(r"record\.(\w+)", example):
        assert name in AuditRecord.model_fields or hasattr(AuditRecord, name)
    for name in re.findall(r"record\.verdict\.(\w+)", example):
        assert name in Verdict.model_fields


def test_the_commands_exist():
    shown = re.findall(r"\bauditlens (\w+)", " ".join(blocks("bash")))
    assert shown
    assert set(shown) <= set(COMMANDS)
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"make ([a-z-]+)", README):
        assert f"\n{target}:" in makefile


@pytest.mark.parametrize("code", ExitCode)
def test_the_exit_codes_are_in_the_table(code):
    assert f"\n| {code.value} | " in README


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files(page):
    prose = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)", prose):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), f"{page.name} links to {target}, which does not exist"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_named_in_the_documentation_exist(page):
    """`path/in/the/repository.py` in back quotes is a promise too."""
    prose = page.read_text(encoding="utf-8")
    for name in re.findall(
        r"`((?:auditlens|tests|specs|benchmarks|templates)/[\w./-]+\.(?:py|yaml|json|j2|md))`", prose
    ):
        assert (ROOT / name).exists(), f"{page.name} names {name}, which does not exist"
