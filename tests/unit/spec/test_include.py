"""Libraries and files that a spec builds on."""

import json

import pytest

from auditlens.spec.include import library_names


def including(bench, *names, **changes):
    return bench.document(include=list(names), **changes)


def test_the_including_file_wins_key_by_key_and_lists_replace(bench):
    bench.write("concepts: {border: {texts: [a, b], owner: x}, extra: {texts: [c]}}\nseed: 4\n", "shared.yaml")
    spec = bench.load(include=["shared.yaml"]).spec
    assert spec.concepts["border"].texts == ("border",)
    assert spec.concepts["border"].owner == "x"
    assert spec.concepts["extra"].texts == ("c",)
    assert spec.seed == 4


def test_a_later_include_lies_over_an_earlier_one(bench):
    bench.write("seed: 1\nreport: {prepared_by: one}\n", "one.yaml")
    bench.write("seed: 2\n", "two.yaml")
    spec = bench.load(include=["one.yaml", "two.yaml"]).spec
    assert (spec.seed, spec.report.prepared_by) == (2, "one")


def test_another_kind_replaces_the_whole_artefact(bench):
    bench.write("artefacts: {ruler: {kind: hair, n_instances: 3, label: drawn}}\n", "shared.yaml")
    spec = bench.load(include=["shared.yaml"], artefacts__ruler={"kind": "tint", "colour": [1, 2, 3]}).spec
    assert spec.artefacts["ruler"].label == ""


def test_null_takes_an_inherited_entry_out(bench):
    bench.write("concepts: {extra: {texts: [c]}}\n", "shared.yaml")
    assert "extra" not in bench.load(include=["shared.yaml"], concepts__extra=None).spec.concepts


def test_paths_of_an_included_file_are_relative_to_that_file(bench):
    bench.write("", "sub/weights.bin")
    bench.write("", "sub/deep/pictures/a.png")
    bench.write("include: [deep/b.yaml]\nmodel: {weights: weights.bin}\n", "sub/a.yaml")
    bench.write(
        "artefacts: {ink: {kind: overlay, format: rgba, images: [pictures, 'pictures/*.png']}}\n", "sub/deep/b.yaml"
    )
    loaded = bench.load(include=["sub/a.yaml"])
    assert loaded.spec.model.weights == "sub/weights.bin"
    assert loaded.spec.artefacts["ink"].images == ("sub/deep/pictures", "sub/deep/pictures/*.png")


def test_a_path_in_a_file_above_leads_up(bench):
    bench.write("", "weights.bin")
    bench.write("model: {weights: weights.bin}\n", "shared.yaml")
    (bench.folder / "sub" / "images").mkdir(parents=True)
    path = bench.write(json.dumps(including(bench, "../shared.yaml")), "sub/spec.yaml")
    from auditlens.spec.load import load_spec

    assert load_spec(path).spec.model.weights == "../weights.bin"


def test_faults_in_an_included_file_are_told_there(bench):
    bench.write("seed: 1\nreport:\n  colour: red\n", "sub/shared.yaml")
    assert bench.problem(include=["sub/shared.yaml"]).startswith("sub/shared.yaml:3:3: report.colour: there is no such")


def test_a_circle_names_its_chain(bench):
    bench.write("include: [b.yaml]\n", "a.yaml")
    bench.write("include: [a.yaml]\n", "b.yaml")
    problem = bench.problem(include=["a.yaml"])
    assert problem == "b.yaml:1:11: include[0]: the files include each other in a circle: a.yaml -> b.yaml -> a.yaml"


def test_a_file_that_includes_itself_is_a_circle(bench):
    assert "circle: spec.yaml -> spec.yaml" in bench.problem(include=["spec.yaml"])


def test_a_library_with_two_readers_is_no_circle(bench):
    bench.write("seed: 3\n", "base.yaml")
    bench.write("include: [base.yaml]\n", "a.yaml")
    bench.write("include: [base.yaml]\n", "b.yaml")
    assert bench.load(include=["a.yaml", "b.yaml"]).spec.seed == 3


def test_an_explosion_of_includes_is_refused(bench):
    bench.write("seed: 1\n", "f0.yaml")
    for n in range(1, 12):
        bench.write(f"include: [f{n - 1}.yaml, f{n - 1}.yaml]\n", f"f{n}.yaml")
    assert any("more than 64 included files" in line for line in bench.problems(include=["f11.yaml"]))


def test_an_unknown_library_names_the_valid_ones(bench):
    problem = bench.problem(include=["auditlens/concepts/abcd"])
    assert "libraries are auditlens/artefacts/dermoscopy, auditlens/artefacts/general, auditlens/artefacts/x" in problem
    assert problem.endswith("did you mean 'auditlens/concepts/abcde'?")


@pytest.mark.parametrize("include", ["shared.yaml", [3], {"a": 1}, [["a"]]])
def test_a_malformed_include_is_told(bench, include):
    assert any("include" in line for line in bench.problems(include=include))


def test_a_broken_included_file_is_one_error(bench):
    bench.write("a: [", "shared.yaml")
    assert bench.problem(include=["shared.yaml"]).startswith("shared.yaml:")


@pytest.mark.parametrize("name", library_names())
def test_the_citation_of_a_library_does_not_depend_on_where_it_is_installed(bench, name):
    loaded = bench.load(include=[name])
    entries = {
        "concepts": ("concepts", next(iter(loaded.spec.concepts))),
        "artefacts": ("artefacts", {"dermoscopy": "red_skin"}.get(name.split("/")[2], "text")),
        "vocabularies": ("vocabulary",),
        "gates": ("gates", {"inside": "covered"}.get(name.split("/")[2], "missed")),
    }
    entry = entries[name.split("/")[1]]
    assert loaded.cite(entry).startswith(f"{name}.yaml:")


def test_specs_that_say_the_same_by_a_library_or_by_themselves_have_one_hash(bench):
    bench.write("seed: 5\n", "shared.yaml")
    assert bench.load(include=["shared.yaml"]).sha256 == bench.load(seed=5).sha256
