"""The list of images to look at first, and its picture sheet."""

import csv
import io

import pytest

from auditlens.report.images_first import COLUMNS, images_first, spurious_components, training_images_bytes
from auditlens.report.page import render_page
from auditlens.stages.findings import Example
from auditlens.stages.states import ComponentState


def rows_of(run_dir, record):
    return list(csv.DictReader(io.StringIO(training_images_bytes(run_dir, record).decode())))


def with_components(record, components):
    return record.model_copy(update={"findings": record.findings.model_copy(update={"components": tuple(components)})})


def component(record, index, state, share, images, class_name="melanoma", label="ruler"):
    example = record.findings.components[0].examples[0]
    examples = tuple(
        Example(**example.model_dump() | {"image_id": name, "activation": 9.0 - place, "file": f"images/{name}.jpg"})
        for place, name in enumerate(images)
    )
    first = record.findings.components[0]
    update = {
        "id": f"features.18:{index}", "index": index, "state": ComponentState(state), "label": label,
        "class_name": class_name,
        "relevance": first.relevance.model_copy(update={"value": share}), "examples": examples,
    }  # fmt: skip
    return first.model_copy(update=update)


@pytest.fixture
def made(record):
    """Two spurious components and one of both kinds for melanoma, one for benign, and a valid one."""
    return with_components(
        record,
        [
            component(record, 1, "spurious", 0.02, ["a", "b"]),
            component(record, 2, "valid", 0.30, ["v"], label="network"),
            component(record, 3, "both", 0.05, ["b", "c"], label="ink"),
            component(record, 1, "spurious", 0.04, ["a", "b"], class_name="benign"),
        ],
    )


def test_every_example_of_every_spurious_component_is_a_row(run_dir, made):
    rows = rows_of(run_dir, made)
    assert list(rows[0]) == list(COLUMNS)
    assert [(row["class"], row["component"], row["image"], row["rank"]) for row in rows] == [
        ("melanoma", "features.18:3", "b", "1"),
        ("melanoma", "features.18:3", "c", "2"),
        ("melanoma", "features.18:1", "a", "1"),
        ("melanoma", "features.18:1", "b", "2"),
        ("benign", "features.18:1", "a", "1"),
        ("benign", "features.18:1", "b", "2"),
    ]
    assert (rows[0]["label"], rows[0]["state"], rows[0]["relevance_share"]) == ("ink", "both", "0.05")
    assert [float(row["activation"]) for row in rows[:2]] == [9.0, 8.0]


def test_the_sheet_begins_with_what_excites_the_most_relevance(made):
    found = images_first(made)
    assert [(image.image_id, image.class_name) for image in found.shown] == [
        ("b", "melanoma"),
        ("c", "melanoma"),
        ("a", "benign"),
    ]
    assert [image.weight for image in found.shown] == pytest.approx([0.07, 0.05, 0.04])
    assert found.shown[0].components == ("features.18:3", "features.18:1")
    assert found.shown[0].labels == ("ink", "ruler")
    assert (found.n_images, found.n_components) == (3, 2)


def test_the_made_up_audit_agrees_with_its_table(run_dir, record):
    rows = rows_of(run_dir, record)
    assert len(rows) == sum(len(row.examples) for row in spurious_components(record)) > 0
    assert {row["state"] for row in rows} <= {"spurious", "both"}
    assert images_first(record).n_images == len({row["image"] for row in rows})


def test_the_report_has_a_section(run_dir, record):
    page = render_page(run_dir, record, "html")
    assert "Images to look at first" in page and 'href="#images-first"' in page
    assert "training_images.csv" in page


def test_without_spurious_components_there_is_a_head_and_no_section(run_dir, record):
    clean = with_components(record, [row for row in record.findings.components if row.state.value == "valid"])
    assert training_images_bytes(run_dir, clean).decode() == ",".join(COLUMNS) + "\n"
    page = render_page(run_dir, clean, "html")
    assert "Images to look at first" not in page and 'href="#images-first"' not in page


def test_names_with_commas_and_quotes_survive(run_dir, record):
    made = with_components(record, [component(record, 1, "spurious", 0.02, ['one, "two".png'])])
    assert rows_of(run_dir, made)[0]["image"] == 'one, "two".png'
