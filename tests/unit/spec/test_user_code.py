"""Code of a spec: every field that can run some is known, and nothing runs that was not allowed."""

import types
import zipfile
from typing import Annotated, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from auditlens.errors import SpecError
from auditlens.spec.model import AuditSpec
from auditlens.spec.user_code import CODE_FIELDS, NO_CODE, CodePolicy, check_code, code_uses

OURS = "auditlens.testbed.models:small_cnn"


def told(bench, policy=NO_CODE, **changes):
    loaded = bench.load(**changes)
    with pytest.raises(SpecError) as caught:
        check_code(loaded, policy)
    return caught.value.problems


def model(**fields):
    """Changes that make the model one of the user's."""
    described = {"architecture": "python:derm.nets:build", "import_path": ".", "classes": ["benign", "melanoma"]}
    return {"model": described | fields}


def test_a_factory_is_refused_where_it_stands(bench):
    (problem,) = told(bench, **model())
    place, _, said = problem.partition(": ")
    file, line, column = place.rsplit(":", 2)
    assert file == str(bench.folder / "spec.yaml")
    written = (bench.folder / "spec.yaml").read_text().splitlines()[int(line) - 1]
    assert written[int(column) :].startswith("python:derm.nets:build")
    assert said.startswith("model.architecture: runs 'build' of the Python module 'derm.nets'")
    assert "--allow-module derm.nets" in said and "--allow-code" in said and "allow_code=True" in said


def test_all_refusals_come_at_once(bench):
    changes = model(preprocessing={"callable": "derm.pipeline:prepare"})
    changes["data"] = {"generate": {"factory": "made.up:write"}}
    changes["artefacts__stamp"] = {"kind": "python", "function": "stamps:put"}
    found = told(bench, **changes)
    fields = ("data.generate.factory", "model.architecture", "model.preprocessing.callable", "artefacts.stamp.function")
    assert len(found) == 4
    assert all(any(f": {field}: runs " in problem for problem in found) for field in fields)
    (left,) = told(bench, CodePolicy.of(allow_modules=["derm", "stamps"]), **changes)
    assert "data.generate.factory" in left


@pytest.mark.parametrize(
    ("allowed", "module", "answer"),
    [
        (["derm"], "derm", True),
        (["derm"], "derm.pipeline.steps", True),
        (["derm.pipeline"], "derm.pipeline", True),
        (["derm.pipeline"], "derm", False),
        (["derm"], "dermatology", False),
        (["derm.p"], "derm.pipeline", False),
        ([""], "derm", False),
        ([], "derm", False),
        ("derm", "derm", True),
        ("derm", "d", False),
    ],
)
def test_a_package_covers_what_is_below_it_and_nothing_else(allowed, module, answer):
    assert CodePolicy.of(allow_modules=allowed).allows(module) is answer
    assert CodePolicy.of(allow_code=True, allow_modules=allowed).allows(module)


def test_our_own_functions_run_in_their_own_field_only(bench):
    check_code(bench.load(**model(architecture=f"python:{OURS}")), NO_CODE)
    (problem,) = told(bench, **model(architecture=f"python:{OURS}", preprocessing={"callable": OURS}))
    assert "model.preprocessing.callable" in problem


@pytest.mark.parametrize(
    "name",
    [
        "auditlens.store.python_objects:load_function",
        "auditlens.testbed.train:train_pair",
        "auditlens.testbed.scenes:write_dermoscopy",
        "auditlens_of_mine.nets:build",
    ],
)
def test_other_functions_of_ours_could_be_told_to_run_anything(bench, name):
    assert "model.architecture" in told(bench, **model(architecture=f"python:{name}"))[0]


def test_code_in_an_included_file_is_refused_there(bench):
    below = bench.folder / "below.yaml"
    below.write_text("artefacts:\n  stamp: {kind: python, function: 'stamps:put'}\n")
    (problem,) = told(bench, include=["below.yaml"])
    assert f"below.yaml:2:{len('  stamp: {kind: python, function: ') + 1}: artefacts.stamp.function" in problem


def test_a_variable_hides_no_code(bench):
    changes = model(architecture="${var:NET}")
    loaded = bench.load(None, {"NET": "python:derm:build"}, **changes)
    with pytest.raises(SpecError, match="derm"):
        check_code(loaded, NO_CODE)


def test_a_spec_without_code_needs_no_leave(bench):
    loaded = bench.load()
    assert code_uses(loaded) == ()
    check_code(loaded, NO_CODE)


def archive(path, *members):
    with zipfile.ZipFile(path, "w") as file:
        for member in members:
            file.writestr(member, "x")
    return path.name


@pytest.mark.parametrize(
    ("members", "declared", "refused"),
    [
        (["net/archive_format", "net/models/model.json"], "auto", True),
        (["serialized_exported_program.json"], "auto", True),
        (["net/code/__torch__.py", "net/data.pkl"], "auto", False),
        (["net/data.pkl"], "auto", False),
        (["net/data.pkl"], "export", True),
    ],
)
def test_an_archive_of_torch_export_may_hold_pickled_code(bench, members, declared, refused):
    name = archive(bench.folder / "net.pt2", *members)
    changes = {"model__released": {"file": name, "format": declared, "sha256": "0" * 64}}
    if refused:
        (problem,) = told(bench, CodePolicy.of(allow_modules=["net"]), **changes)
        assert "model.released.file: loading 'net.pt2'" in problem and "allow_code=True" in problem
    check_code(bench.load(**changes), CodePolicy.of(allow_code=refused))


def test_every_field_that_names_a_function_is_known():
    """A new field with the pattern of `module:function` that is not in the table would run without anybody's leave."""
    assert {path for path in functions(AuditSpec) if path not in CODE_FIELDS} == set()
    assert len(set(functions(AuditSpec))) == len(CODE_FIELDS)


def functions(part, path=()):
    """Paths of all text fields whose pattern speaks of a function."""
    for name, info in part.model_fields.items():
        here = (*path, info.alias or name)
        pattern = "".join(str(getattr(entry, "pattern", None) or "") for entry in info.metadata)
        if r":\w+" in pattern:
            yield here
        yield from below(info.annotation, here)


def below(annotation, path):
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from functions(annotation, path)
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType, Annotated):
        for part in inner:
            yield from below(part, path)
    elif origin in (dict, tuple, list):
        for part in inner[1:] if origin is dict else inner:
            yield from below(part, (*path, "*"))


def test_the_generator_of_one_of_several_sets_is_code_too(bench):
    generate = {"factory": "made.up:write"}
    loaded = bench.load(data={"sets": {"test": {"role": "sealed", "generate": generate}}})
    (use,) = code_uses(loaded)
    assert use.path == ("data", "sets", "test", "generate", "factory")
