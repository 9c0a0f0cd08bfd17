"""Every field of the spec stands in docs/spec.md with its description, and the generated parts are current."""

import re
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from auditlens.spec import artefacts, model
from auditlens.spec.metrics import METRIC_RULES
from auditlens.spec.schema import schema_text, with_tables
from auditlens.spec.shape import field_names

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "spec.md").read_text(encoding="utf-8")


def parts():
    for module in (model, artefacts):
        for value in vars(module).values():
            abstract = (BaseModel, model.Part, artefacts.ArtefactBase)
            if isinstance(value, type) and issubclass(value, BaseModel) and value not in abstract:
                yield value


PARTS = sorted(set(parts()), key=lambda part: part.__name__)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_every_field_is_in_the_tables(part):
    for name in field_names(part):
        assert f"\n| `{name}` | " in TEXT, f"{part.__name__}.{name} is not documented"


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_every_field_says_what_it_means(part):
    assert part.__doc__
    for name, info in field_names(part).items():
        assert info.description or name == "kind", f"{part.__name__}.{name} has no description"


def test_the_tables_are_current():
    assert with_tables(TEXT) == TEXT, "run: python -m auditlens.spec.schema --docs docs/spec.md"


def test_the_published_schema_is_current():
    published = (ROOT / "specs" / "auditlens-1.schema.json").read_text(encoding="utf-8")
    assert published == schema_text(), "run: python -m auditlens.spec.schema --json specs/auditlens-1.schema.json"


@pytest.mark.parametrize("metric", METRIC_RULES)
def test_every_metric_is_in_the_table(metric):
    assert f"\n| `{metric}` | " in TEXT


def test_the_example_is_a_valid_spec(tmp_path):
    from auditlens.spec.load import load_spec

    example = re.search(r"```yaml\n(.*?)```", TEXT, re.DOTALL).group(1)
    assert yaml.safe_load(example)["auditlens"] == 1
    (tmp_path / "spec.yaml").write_text(example, encoding="utf-8")
    (tmp_path / "derm-1.3.safetensors").touch()
    (tmp_path / "test.csv").touch()
    assert load_spec(tmp_path / "spec.yaml").spec.gates.keys() == {"works_at_all", "missed"}
