"""`sided` and `unit` of a gate say what is done; anything else is refused with what is done."""

import pytest

from auditlens.spec.load import merged_document

SETS = {
    "test": {"role": "sealed", "folder": "images"},
    "atlas": {"role": "observability", "folder": "images"},
}


def with_units(bench, unit, data=None, **defaults):
    (bench.folder / "t.csv").write_text("image,label,patient_id\n")
    data = data or {"manifest": "t.csv", "unit": "patient_id"}
    return bench.document(data=data, gates__defaults={"unit": unit, **defaults}, gates__more={"extends": "works"})


@pytest.mark.parametrize("unit", ["patient", "patient_id", None])
def test_what_is_counted_may_be_said(bench, unit):
    said = bench.load(**with_units(bench, unit, sided="one"))
    plain = bench.load(data={"manifest": "t.csv", "unit": "patient_id"}, gates__more={"extends": "works"})
    assert merged_document(said.spec) == merged_document(plain.spec)


def test_another_unit_is_refused_once_with_the_right_one(bench):
    problem = bench.problem(**with_units(bench, "lesion"))
    assert problem.endswith(
        "gates.defaults.unit: data.unit is 'patient_id', and that is what intervals count, not 'lesion'; "
        "write unit: patient"
    )


def test_without_a_unit_images_are_counted(bench):
    assert bench.problem(gates__works__unit="patient").endswith(
        "gates.works.unit: every image counts by itself, since data.unit names no column; write it there, or "
        "unit: image here"
    )
    bench.load(gates__works__unit="image")


def test_every_audited_set_is_asked(bench):
    (bench.folder / "t.csv").write_text("image,label,patient_id\n")
    sets = SETS | {"dev": {"role": "development", "manifest": "t.csv", "unit": "patient_id"}}
    problem = bench.problem(data={"sets": sets}, gates__works__unit="patient")
    assert "since data.sets.test.unit names no column" in problem


def test_two_sided_gates_are_refused_with_what_to_write(bench):
    assert bench.problem(gates__defaults={"sided": "two"}).endswith(
        "gates.defaults.sided: there is no 'two'; a gate reads one bound at its confidence, and "
        "`within x` reads both, each at it: two-sided at 90 % is confidence: 0.95 with `within x`"
    )
