# ruff: noqa: E501 - a broken spec and what is said of it stand on one line
"""More than a hundred broken specs: each gives located errors, in two seconds, exit code 2 and no traceback.

A case is a replacement in `GOOD`. The sign « marks where the error must point; the words must be in its line.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from auditlens.cli.main import main

GOOD = """# A spec about which nothing is wrong.
auditlens: 1
audit:
  id: B-1
  version: "1.0"
  title: Broken specs
model:
  architecture: "torchvision:resnet18"
  weights: net.safetensors
  preprocessing: {resize: 224, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225]}
  classes: [benign, melanoma]
  layers: [layer3, layer4.1]
data:
  manifest: test.csv
  unit: patient
  strata: {by: [site]}
foundation: {model: ViT-B-32, templates: dermoscopy}
concepts:
  border: {group: ABCDE/B, texts: [ragged border]}
  veil: {group: ABCDE/C, texts: [blue veil], column: veil}
  ruler: {texts: [ruler], artefact: ruler}
classes:
  melanoma: {valid: ["group:ABCDE"], spurious: [ruler]}
decision: {class: melanoma, threshold: 0.31}
artefacts:
  ruler: {kind: ruler, n_instances: 12, only: {site: [A]}}
  tint: {kind: tint, colour: [231, 128, 151]}
gates:
  works: {metric: sensitivity, limit: ">= 0.9", required_by: all}
  missed:
    metric: decision_flips
    direction: melanoma_to_benign
    each: {artefact: all}
    limit: "<= 0.02"
    severity: error
waivers:
  - {gate: missed, artefact: tint, bound: "<= 0.08", model_sha256: "SHA", owner: j.weiss, approved_by: dr.ito, reason: DEV-1, expires: 2099-03-31}
""".replace("SHA", "0" * 64)

CASES: dict[str, tuple[str, str, str]] = {
    # fields that are not there
    "misspelt section": ("gates:\n", "«gate:\n", "there is no such field; valid are"),
    "misspelt version": ("auditlens: 1", "«auditlen: 1", "did you mean 'auditlens'?"),
    "misspelt field": ("threshold: 0.31", "«treshold: 0.31", "did you mean 'threshold'?"),
    "misspelt field of a model": ("  weights:", "  «weight:", "did you mean 'weights'?"),
    "misspelt field of a gate": ("    severity: error", "    «severty: error", "did you mean 'severity'?"),
    "misspelt field of an artefact": ("n_instances: 12", "«n_instance: 12", "did you mean 'n_instances'?"),
    "misspelt field of a concept": ("artefact: ruler}\n", "«artifact: ruler}\n", "did you mean 'artefact'?"),
    "misspelt field of a waiver": ("approved_by", "«aproved_by", "did you mean 'approved_by'?"),
    "American spelling": ("artefacts:\n", "«artifacts:\n", "did you mean 'artefacts'?"),
    "field in another section": ("  unit: patient", "  «threshold: 0.3", "there is no such field"),
    "field of another kind": ("kind: ruler, n", "kind: ruler, «colour: [1, 2, 3], n", "there is no such field"),
    "section within a section": ("  id: B-1", "  id: B-1\n  «model: {}", "there is no such field"),
    "upper case": ("decision:", "«Decision:", "did you mean 'decision'?"),
    "key with a blank": ("  unit:", "  «unit :x:", "there is no such field"),
    "hidden letter": ("  unit:", "  «un\u200bit:", "there is no such field"),
    # fields that are required
    "no version": ("auditlens: 1\n", "", "auditlens: this field is required"),
    "no audit": ("audit:\n  id: B-1\n  version: \"1.0\"\n  title: Broken specs\n", "", "audit: this field is required"),
    "no id": ("  id: B-1\n", "", "audit.id: this field is required"),
    "no classes": ("  classes: [benign, melanoma]\n", "", "model.classes: this field is required"),
    "no metric": ("metric: sensitivity, ", "", "gates.works.metric: this field is required"),
    "no limit": ("    limit: \"<= 0.02\"\n", "", "gates.missed.limit: this field is required"),
    "no kind": ("«".join(("  ", "tint: {kind: tint, ")).replace("«", ""), "  «tint: {", "an artefact needs a kind"),
    "no owner": ("owner: j.weiss, ", "", "owner: this field is required"),
    "no evidence": ("{texts: [ruler], artefact: ruler}", "{artefact: ruler}", "a concept needs texts, images"),
    # wrong types
    "text for a number": ("threshold: 0.31", "threshold: «high", "must be a number"),
    "number for a text": ("  version: \"1.0\"", "  version: «1.0", "put it in quotes"),
    "list for a text": ("  id: B-1", "  «id: [B-1]", "found a list"),
    "mapping for a list": ("by: [site]", "«by: {site: 1}", "found a mapping"),
    "text for a list": ("texts: [ruler]", "texts: «ruler", "must be a list"),
    "list for a mapping": ("decision: {class: melanoma, threshold: 0.31}", "«decision: [melanoma, 0.31]", "found a list"),
    "text for a mapping": ("foundation: {model: ViT-B-32, templates: dermoscopy}", "foundation: «ViT-B-32", "found the text 'ViT-B-32'"),
    "nothing for a section": ("  id: B-1\n  version: \"1.0\"\n  title: Broken specs\n", "", "found nothing"),
    "word for a yes": ("resize: 224", "resize: «yes", "found the text 'yes'"),
    "fraction for a count": ("n_instances: 12", "n_instances: «1.5", "must be a whole number"),
    "number in a list of texts": ("[ragged border]", "[ragged border, «3]", "found the number 3"),
    "list too short": ("[231, 128, 151]", "[231, 128]", "the list is too short"),
    "list too long": ("[231, 128, 151]", "[231, 128, 151, 9]", "artefacts.tint.colour"),
    # values out of range, or not among the valid
    "threshold above one": ("threshold: 0.31", "threshold: «31", "must be less than 1"),
    "negative count": ("n_instances: 12", "n_instances: «-1", "at least 1"),
    "colour above 255": ("[231, 128, 151]", "[231, «280, 151]", "at most 255"),
    "limit without a relation": ("\">= 0.9\"", "«\"0.9\"", "write '<= x', '>= x' or 'within x'"),
    "limit in percent": ("\"<= 0.02\"", "«\"<= 2\"", "write 2 % as 0.02"),
    "limit of the wrong side": ("\">= 0.9\"", "«\"<= 0.9\"", "higher is better"),
    "unknown metric": ("metric: sensitivity", "metric: «sensitivty", "did you mean 'sensitivity'?"),
    "unknown severity": ("severity: error", "severity: «fatal", "found the text 'fatal'"),
    "unknown kind": ("{kind: tint,", "{kind: «tnt,", "did you mean 'tint'?"),
    "unknown architecture": ("\"torchvision:resnet18\"", "«\"tensorflow:resnet18\"", "'torchvision:NAME'"),
    "unknown templates": ("templates: dermoscopy", "templates: «dermatology", "found the text 'dermatology'"),
    "newer version": ("auditlens: 1", "auditlens: «2", "auditlens"),
    "version as a text": ("auditlens: 1", "auditlens: «\"1\"", "found the text '1'"),
    "version as a fraction": ("auditlens: 1", "auditlens: «1.5", "auditlens"),
    "short hash": ("\"" + "0" * 64, "«\"" + "0" * 63, "64 digits"),
    "upper-case hash": ("\"" + "0" * 64, "«\"" + "A" * 64, "in lower case"),
    "no date": ("2099-03-31", "«tomorrow", "expires"),
    "a date that does not exist": ("2099-03-31", "«2099-02-30", "expires"),
    "a date in another order": ("2099-03-31", "«31.03.2099", "expires"),
    "not a number": ("threshold: 0.31", "threshold: «.nan", ".nan is no number"),
    "infinity": ("threshold: 0.31", "threshold: «-.inf", "-.inf is no number"),
    "too large": ("threshold: 0.31", "threshold: «1e999", "too large a number"),
    "endless digits": ("threshold: 0.31", "threshold: «" + "9" * 5000, "this number is too long"),
    "name with a slash": ("  veil:", "  «ve/il:", "'ve/il' is no valid name"),
    "std of zero": ("[0.229, 0.224, 0.225]", "[0.229, 0, 0.225]", "the standard deviation is above 0"),
    "a picture without size": ("resize: 224", "resize: «0", "at least 1"),
    "a picture of a town": ("resize: 224", "resize: [224, «1000000000]", "at most 8192"),
    "blank words": ("[ragged border]", "[«\"\"]", "must not be empty"),
    "no reason": ("{group: ABCDE/B, texts: [ragged border]}", "{group: ABCDE/B, not_assessable: «\"  \"}", "text that is not blank"),
    "nobody approves": ("approved_by: dr.ito", "approved_by: «\"\"", "must not be empty"),
    "a blank owner": ("owner: j.weiss, ", "owner: «\" \", ", "text that is not blank"),
    "layer of a gate": ("metric: sensitivity, limit: \">= 0.9\"", "metric: clarity, layer: «layer4, limit: \">= 0.1\"", "the layer 'layer4' is not examined; valid are layer3, layer4.1"),
    "artefact twice": ("each: {artefact: all}", "each: {artefact: [ruler, «ruler]}", "is listed twice"),
    "one class": ("classes: [benign, melanoma]", "«classes: [melanoma]", "at least two classes"),
    "class twice": ("classes: [benign, melanoma]", "«classes: [melanoma, melanoma]", "listed twice"),
    "layer with a blank": ("layer4.1]", "layer4 1]", "no layer's name"),
    # names that lead nowhere
    "unknown concept": ("spurious: [ruler]", "spurious: [«rulr]", "did you mean 'ruler'?"),
    "unknown group": ("\"group:ABCDE\"", "«\"group:ABCD\"", "no concept is in the group 'ABCD'"),
    "unknown class in a decision": ("{class: melanoma, t", "{class: «melanom, t", "did you mean 'melanoma'?"),
    "unknown class with a rule": ("  melanoma: {valid", "  «melanoma_: {valid", "did you mean 'melanoma'?"),
    "unknown artefact in a gate": ("each: {artefact: all}", "each: {artefact: [«rulers]}", "did you mean 'ruler'?"),
    "unknown artefact in a concept": ("artefact: ruler}\n", "artefact: «rular}\n", "did you mean 'ruler'?"),
    "unknown artefact in a waiver": ("artefact: tint, b", "artefact: «tnt, b", "did you mean 'tint'?"),
    "unknown gate in a waiver": ("{gate: missed", "{gate: «mised", "did you mean 'missed'?"),
    "unknown precondition": ("required_by: all", "required_by: [«misse]", "did you mean 'missed'?"),
    "a gate that requires itself": ("required_by: all", "required_by: [«works]", "cannot require itself"),
    "direction of no class": ("melanoma_to_benign", "«melanoma_to_bening", "did you mean 'melanoma_to_benign'?"),
    "direction to itself": ("melanoma_to_benign", "«melanoma_to_melanoma", "is no direction"),
    "direction in words": ("melanoma_to_benign", "«melanoma -> benign", "is no direction"),
    "role twice": ("spurious: [ruler]", "spurious: [ruler, «border]", "already valid for this class"),
    "concept of a metric without one": ("metric: sensitivity", "metric: sensitivity, «concept: veil", "takes no concept"),
    "gate without its artefact": ("    each: {artefact: all}\n", "", "decision_flips needs artefact"),
    "gate without its direction": ("    direction: melanoma_to_benign\n", "", "needs a direction"),
    "artefact twice in a gate": ("    each:", "    «artefact: ruler\n    each:", "not both"),
    "subgroup of no column": ("required_by: all", "within: {«sight: A}", "did you mean 'site'?"),
    # files and what is in them
    "missing weights": ("net.safetensors", "«nett.safetensors", "did you mean 'net.safetensors'?"),
    "weights are a folder": ("weights: net.safetensors", "weights: «images", "is a folder"),
    "dead link": ("net.safetensors", "«dead.safetensors", "there is no file"),
    "missing manifest": ("test.csv", "«tests.csv", "did you mean 'test.csv'?"),
    "manifest is a pipe": ("manifest: test.csv", "manifest: «pipe", "there is no file"),
    "classes in a pipe": ("classes: [benign, melanoma]", "classes: «pipe", "there is no file"),
    "path with a null": ("manifest: test.csv", "manifest: «\"a\\0b\"", "no path"),
    "empty path": ("manifest: test.csv", "manifest: «\"\"", "no path"),
    "endless path": ("manifest: test.csv", "manifest: «" + "a" * 5000, "cannot look for"),
    "home of nobody": ("manifest: test.csv", "manifest: «~nobody_here/test.csv", "cannot expand"),
    "package that is not there": ("manifest: test.csv", "manifest: «package:no_such_package/test.csv", "not installed"),
    "misspelt column": ("unit: patient", "unit: «patien", "did you mean 'patient'?"),
    "misspelt column of strata": ("by: [site]", "by: [site, «sit]", "did you mean 'site'?"),
    "misspelt column of a concept": ("column: veil", "column: «vail", "did you mean 'veil'?"),
    "misspelt column of a rule": ("only: {site: [A]}", "only: {«site_: [A]}", "did you mean 'site'?"),
    "value that no image has": ("only: {site: [A]}", "only: {site: [A, «Z]}", "no image has 'Z' in column 'site'"),
    "misspelt layer": ("layer4.1]", "«layr4.1]", "did you mean 'layer4.1'?"),
    "wrong number of classes": ("classes: [benign, melanoma]", "«classes: [benign, melanoma, scar]", "2 outputs"),
    # includes and variables
    "missing library": ("model:\n", "include: [«auditlens/concepts/abcd]\nmodel:\n", "did you mean 'auditlens/concepts/abcde'?"),
    "missing include": ("model:\n", "include: [«more.yaml]\nmodel:\n", "neither a file beside this one nor a library"),
    "include of a folder": ("model:\n", "include: [«images]\nmodel:\n", "neither a file"),
    "include of a pipe": ("model:\n", "include: [«pipe]\nmodel:\n", "neither a file"),
    "include of a dead link": ("model:\n", "include: [«dead.safetensors]\nmodel:\n", "neither a file"),
    "include of itself": ("model:\n", "include: [«spec.yaml]\nmodel:\n", "in a circle"),
    "unset variable": ("  id: B-1", "  id: «${var:ID}", "give --var ID=VALUE"),
    "unset environment": ("  id: B-1", "  id: «${env:NO_SUCH_NAME_X}", "is not set"),
    "variable of no kind": ("  id: B-1", "  id: «${ID}", "is no variable"),
    "variable within a variable": ("  id: B-1", "  id: «\"${var:${env:HOME}}\"", "holds no other ${...}"),
    "variable in braces without quotes": ("threshold: 0.31", "threshold: $«{var:T}", "one that becomes a number in a line of its own"),
    "a direction of many pages": ("melanoma_to_benign", "«" + "a" * 200_000 + "_to_" * 20_000, "is no direction"),
    # YAML itself
    "key twice": ("  title: Broken specs", "  title: Broken specs\n  «id: B-2", "the key 'id' stands here twice"),
    "section twice": ("waivers:\n", "«gates: {}\nwaivers:\n", "the key 'gates' stands here twice"),
    "tab": ("  title:", "«\ttitle:", "a tab"),
    "open bracket": ("[ragged border]", "[ragged border", "not valid YAML"),
    "open quote": ("\"torchvision:resnet18\"", "\"torchvision:resnet18", "not valid YAML"),
    "wrong indent": ("  title:", "   title:", "not valid YAML"),
    "no blank after the colon": ("  id: B-1", "  id:B-1", "not valid YAML"),
    "tag of Python": ("  id: B-1", "  id: «!!python/object/apply:os.system [id]", "has no meaning in a spec"),
    "tag of one's own": ("  id: B-1", "  id: «!secret B-1", "has no meaning in a spec"),
    "binary tag": ("  id: B-1", "  id: «!!binary R0lGODlh", "has no meaning in a spec"),
    "unknown alias": ("decision: {", "decision: {<<: «*point, ", "has no anchor before it"),
    "alias within itself": ("decision: {", "decision: &d {<<: «*d, ", "inside its own anchor"),
    "merge of a text": ("decision: {", "decision: {«<<: x, ", "'<<' takes a mapping"),
    "merge twice": ("decision: {", "decision: {<<: {}, <<: {a: 1}, «<<: {}, ", "stands here twice"),
    "list as a key": ("  id: B-1", "  ? «[a]\n  : 1\n  id: B-1", "a key must be plain text"),
    "second document": ("waivers:\n", "«---\nwaivers:\n", "a second document"),
    "a directive of nowhere": ("# A spec about which nothing is wrong.\n", "%NOPE 1\n", ""),
    "control character": ("title: Broken specs", "title: Broken \x07 specs", "not valid YAML"),
    "escaped control characters": ("  title:", "  «\"ti\\x1b[31m\\ntle\":", "there is no such field"),
}  # fmt: skip

NESTED = "a: " + "[" * 3000
RAW: dict[str, tuple[bytes, str]] = {
    "empty": (b"", ":1:1: the file is empty"),
    "blanks": (b"\n\n   \n", ":1:1: the file is empty"),
    "comment": (b"# nothing\n", ":1:1: the file is empty"),
    "text": (b"hello", ":1:1: a spec is a mapping"),
    "list": (b"- auditlens: 1\n", ":1:1: a spec is a mapping"),
    "number": (b"1", ":1:1: a spec is a mapping"),
    "JSON list": (b"[1, 2]", ":1:1: a spec is a mapping"),
    "PNG": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)), ":1:1: the file is not UTF-8"),
    "zip": (b"PK\x03\x04\x14\x00\x00\x00", ":1:6: the file is binary"),
    "zeros": (b"\0" * 100, ":1:1: the file is binary"),
    "UTF-16": (GOOD.encode("utf-16"), ":1:1: the file is UTF-16"),
    "UTF-16 without a mark": (GOOD.encode("utf-16-le"), ":1:2: the file is binary"),
    "UTF-32": (GOOD.encode("utf-32"), ":1:1: the file is UTF-16"),
    "latin-1": (GOOD.replace("Broken", "Größe").encode("latin-1"), ":6:12: the file is not UTF-8"),
    "cut UTF-8": (GOOD.encode() + "ü".encode()[:1], ":38:1: the file is not UTF-8"),
    "a megabyte": (GOOD.encode() + b"#" * 1_000_000, ": the file is larger than 1 MB"),
    "many megabytes": (b"a: b\n" * 5_000_000, ": the file is larger than 1 MB"),
    "alias bomb": ("\n".join(["a0: &a0 [x, x, x, x, x, x, x, x, x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30))]).encode(), "aliases expand this to more than 100,000 values"),
    "merge bomb": (("a: &a\n" + "\n".join(f"  k{n}: 1" for n in range(5000)) + "\nb:\n" + "\n".join("  - {<<: *a}" for _ in range(5000))).encode(), "aliases expand this"),
    "deep": (NESTED.encode(), "exceeded maximum nesting depth"),
    "deep mappings": (("{a: " * 50_000).encode(), ": nested more than 40 levels"),
    "a long list": (b"auditlens: [" + b"1," * 300_000, ":1:12: this holds more than 100,000 values"),
    "many misspelt names": (GOOD.replace("concepts:\n", "concepts:\n" + "".join(f"  concept_{n}: {{texts: [a]}}\n" for n in range(9000))).replace("spurious: [ruler]", f"spurious: [{', '.join(f'conzept_{n}' for n in range(3000))}]").encode(), "did you mean 'concept_7'?"),
    "many keys": ("".join(f"k{n}: 1\n" for n in range(40_000)).encode(), "there is no such field"),
    "one long line": (b"auditlens: " + b"x" * 900_000, ":1:12: auditlens"),
    "many gates": (GOOD.encode() + b"".join(b"g%d: {}\n" % n for n in range(20_000)), "there is no such field"),
    "only a mark": (b"\xef\xbb\xbf", ":1:1: the file is empty"),
    "CR only": (GOOD.replace("\n", "\r").replace("threshold", "treshold").encode(), "did you mean 'threshold'?"),
    "CRLF": (GOOD.replace("\n", "\r\n").replace("threshold", "treshold").encode(), ":24:29: decision.treshold"),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that `GOOD` names, and things that it should not."""
    place = tmp_path_factory.mktemp("broken")
    rows = ["image,label,patient,site,veil", "a.png,benign,1,A,0", "b.png,melanoma,2,B,1"]
    (place / "test.csv").write_text("\n".join(rows) + "\n")
    for name in ("a.png", "b.png"):
        (place / name).touch()
    names = ["layer3.0.conv1.weight", "layer4.1.conv1.weight", "layer4.1.bn2.weight"]
    save_file({name: torch.zeros(1) for name in names} | {"fc.weight": torch.zeros(2, 4)}, place / "net.safetensors")
    (place / "images").mkdir()
    (place / "dead.safetensors").symlink_to(place / "nowhere")
    (place / "circle.yaml").symlink_to(place / "circle.yaml")
    os.mkfifo(place / "pipe")
    return place


def told(*arguments: object) -> list[str]:
    """Lines on standard error of a call in this process that ends with 2, in time and without a traceback."""
    out, err, before = io.StringIO(), io.StringIO(), time.process_time()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    used = time.process_time() - before
    assert code == 2, err.getvalue()
    assert out.getvalue() == "" and "Traceback" not in err.getvalue()
    assert used < 2, f"{used:.1f} s"
    return err.getvalue().splitlines()


def located(lines: list[str], path: Path) -> None:
    """Every line begins with a place, or says how many more there are; nothing reaches the terminal unescaped."""
    for line in lines:
        assert re.match(rf"({re.escape(str(path.parent))}/[\w.]+|/\S+)(:\d+:\d+)?: \S", line) or line.startswith(
            "... and"
        )
        assert line.isprintable(), line


def test_there_are_more_than_a_hundred() -> None:
    assert len(CASES) + len(RAW) > 120


def test_the_good_one_is_good(folder: Path) -> None:
    (folder / "spec.yaml").write_text(GOOD)
    assert main(["validate", str(folder / "spec.yaml")]) == 0


@pytest.mark.parametrize("name", CASES)
def test_one_change_is_one_located_error(folder: Path, name: str) -> None:
    old, new, said = CASES[name]
    assert GOOD.count(old) == 1, f"{GOOD.count(old)} of {old!r}"
    text = GOOD.replace(old, new)
    path = folder / "spec.yaml"
    path.write_text(text.replace("«", ""))
    lines = told("validate", path)
    located(lines, path)
    if "«" in text:
        before = text.partition("«")[0].split("\n")
        at = f"{path}:{len(before)}:{len(before[-1]) + 1}: "
        lines = [line for line in lines if line.startswith(at)] or pytest.fail(f"nothing at {at}\n" + "\n".join(lines))
    assert any(said in line for line in lines), lines


@pytest.mark.parametrize("name", RAW)
def test_what_is_hardly_a_spec_is_refused(folder: Path, name: str) -> None:
    raw, said = RAW[name]
    path = folder / "spec.yaml"
    path.write_bytes(raw)
    lines = told("validate", path)
    located(lines, path)
    assert any(said in line for line in lines), lines[:3]


PLACES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "absent": (lambda folder: folder / "spce.yaml", "there is no such file; did you mean 'spec.yaml'?"),
    "folder": (lambda folder: folder / "images", "no regular file"),
    "pipe": (lambda folder: folder / "pipe", "no regular file"),
    "device": (lambda folder: Path("/dev/zero"), "no regular file"),
    "dead link": (lambda folder: folder / "dead.safetensors", "there is no such file"),
    "link to itself": (lambda folder: folder / "circle.yaml", "circle.yaml: "),
    "below a file": (lambda folder: folder / "test.csv" / "spec.yaml", "spec.yaml: "),
    "endless name": (lambda folder: folder / ("a" * 5000), ": "),
    "weights": (lambda folder: folder / "net.safetensors", "binary"),
}


@pytest.mark.parametrize("name", PLACES)
def test_a_path_that_is_no_spec(folder: Path, name: str) -> None:
    (folder / "spec.yaml").write_text(GOOD)
    place, said = PLACES[name]
    (line,) = told("validate", place(folder))
    assert said in line


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(folder: Path) -> None:
    path = folder / "secret.yaml"
    path.write_text(GOOD)
    path.chmod(0)
    (line,) = told("validate", path)
    assert "cannot be read" in line


def test_a_circle_of_three_files(folder: Path) -> None:
    for one, other in (("a", "b"), ("b", "c"), ("c", "a")):
        (folder / f"{one}.yaml").write_text(f"include:\n  - {other}.yaml\n")
    lines = told("validate", folder / "a.yaml")
    assert any(
        line.startswith(f"{folder}/c.yaml:2:5: include[0]: the files include each other in a circle") for line in lines
    )


def test_an_error_in_an_included_file_is_told_there(folder: Path) -> None:
    (folder / "below.yaml").write_text("artefacts:\n  ink: {kind: ink, n_instances: many}\n")
    (folder / "spec.yaml").write_text(GOOD + "include: [below.yaml]\n")
    (line,) = told("validate", folder / "spec.yaml")
    assert line.startswith(f"{folder}/below.yaml:2:33: artefacts.ink.n_instances: must be a whole number")


def test_a_broken_included_file_is_told_there(folder: Path) -> None:
    (folder / "spec.yaml").write_text(GOOD + "include: [below.yaml]\n")
    for raw, said in ((b"\xff", "below.yaml:1:1: "), (b"a: [", "below.yaml:2:1: "), (b"", "below.yaml:1:1: ")):
        (folder / "below.yaml").write_bytes(raw)
        (line,) = told("validate", folder / "spec.yaml")
        assert line.startswith(f"{folder}/{said}"), line


def test_all_faults_of_a_very_broken_spec_come_at_once(folder: Path) -> None:
    names = [
        "misspelt field",
        "text for a list",
        "unknown metric",
        "missing weights",
        "misspelt column",
        "unknown class with a rule",
    ]
    text = GOOD
    for name in names:
        old, new, _ = CASES[name]
        text = text.replace(old, new.replace("«", ""))
    (folder / "spec.yaml").write_text(text)
    lines = told("validate", folder / "spec.yaml")
    for name in names:
        assert any(CASES[name][2] in line for line in lines), name


@pytest.mark.parametrize("command", ["run", "augment", "validate"])
def test_every_command_that_takes_a_spec_tells_the_same(folder: Path, command: str) -> None:
    path = folder / "spec.yaml"
    path.write_text(GOOD.replace("threshold: 0.31", "treshold: 0.31"))
    more = {"augment": [folder / "images", "--spec", path, "--out", folder / "copies"]}.get(command, [path])
    lines = told(command, *more)
    assert any(line.startswith(f"{path}:24:29: decision.treshold: there is no such field") for line in lines), lines


@pytest.mark.parametrize("name", ["UTF-16", "alias bomb", "many megabytes", "many keys", "misspelt layer", "tab"])
def test_the_installed_command_answers_in_two_seconds(folder: Path, name: str) -> None:
    """Of processor time, since the machine may be busy with other things."""
    path = folder / "spec.yaml"
    if name in RAW:
        path.write_bytes(RAW[name][0])
    else:
        path.write_text(GOOD.replace(CASES[name][0], CASES[name][1].replace("«", "")))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [Path(sys.executable).with_name("auditlens"), "validate", path, "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 2 and done.stderr == ""
    assert all(row["severity"] == "error" and row["file"] == str(path) for row in json.loads(done.stdout))
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2
