"""A hash goes into the text of a spec, and nothing else changes."""

import pytest
import yaml

from auditlens.spec.hashes import with_hash

SHA = "0123456789" * 6 + "0123"


def inserted(before, after):
    """Lines that were added; the others must be as they were."""
    left = after.splitlines(keepends=True)
    for line in before.splitlines(keepends=True):
        left.remove(line)
    return left


def test_a_line_is_added_below_the_file_with_its_comment_kept():
    text = "# head\nmodel:\n  weights: a.pt   # of June\n\n  classes: [a, b]\n"
    changed = with_hash(text, ("model", "sha256"), SHA)
    assert inserted(text, changed) == [f'  sha256: "{SHA}"\n']
    assert changed.splitlines()[2:4] == ["  weights: a.pt   # of June", f'  sha256: "{SHA}"']


def test_a_flow_mapping_gets_an_entry():
    text = "model: {architecture: x, weights: 'a b.pt', classes: [a, b]}  # one line\n"
    changed = with_hash(text, ("model", "sha256"), SHA)
    assert changed == text.replace("'a b.pt'", f"'a b.pt', sha256: \"{SHA}\"")


@pytest.mark.parametrize("old", ["abc", "'abc'", '"abc"'])
def test_an_old_one_is_replaced(old):
    text = f"foundation:\n  model: m\n  sha256: {old}  # typed\n"
    assert with_hash(text, ("foundation", "sha256"), SHA) == text.replace(old, f'"{SHA}"')


def test_it_is_text_also_where_it_has_only_digits():
    changed = with_hash("model:\n  weights: a.pt\n", ("model", "sha256"), SHA)
    assert yaml.safe_load(changed)["model"]["sha256"] == SHA


def test_an_entry_of_a_list():
    text = "opinions:\n  - {model: a}\n  - model: b\n    pretrained: p.pt\n"
    changed = with_hash(text, ("opinions", 1, "sha256"), SHA)
    assert yaml.safe_load(changed)["opinions"] == [{"model": "a"}, {"model": "b", "pretrained": "p.pt", "sha256": SHA}]


def test_a_part_that_stands_elsewhere_is_left():
    assert with_hash("include: [x]\n", ("model", "sha256"), SHA) is None


def test_the_last_line_without_an_end():
    changed = with_hash("model:\n  weights: a.pt", ("model", "sha256"), SHA)
    assert yaml.safe_load(changed)["model"] == {"weights": "a.pt", "sha256": SHA}


def test_line_ends_of_windows_stay():
    changed = with_hash("model:\r\n  weights: a.pt\r\n", ("model", "sha256"), SHA)
    assert changed == f'model:\r\n  weights: a.pt\r\n  sha256: "{SHA}"\r\n'


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends_stay_as_they_are(newline):
    text = newline.join(["model:", "  weights: a.pt  # mine", "  classes: [a, b]", ""])
    changed = with_hash(text, ("model", "sha256"), SHA)
    assert changed == text.replace("mine" + newline, f'mine{newline}  sha256: "{SHA}"{newline}')


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("model:\n  weights: a.pt\n  sha256:   # fill in\n", 'model:\n  weights: a.pt\n  sha256: "SHA"   # fill in\n'),
        (
            "model:\n  weights: a.pt\n  sha256:\n  classes: [a]\n",
            'model:\n  weights: a.pt\n  sha256: "SHA"\n  classes: [a]\n',
        ),
        ("model:\n  weights: a.pt\n  sha256 :", 'model:\n  weights: a.pt\n  sha256 : "SHA"'),
        ("model: {weights: a.pt, sha256: , layers: auto}\n", 'model: {weights: a.pt, sha256: "SHA" , layers: auto}\n'),
        ("model: {weights: a.pt, sha256}\n", 'model: {weights: a.pt, sha256: "SHA"}\n'),
        ("model: {weights: a.pt, sha256:}\n", 'model: {weights: a.pt, sha256: "SHA"}\n'),
        ("model: {weights: a.pt, sha256: null}\n", 'model: {weights: a.pt, sha256: "SHA"}\n'),
    ],
)
def test_an_empty_one_is_filled_in(text, changed):
    found = with_hash(text, ("model", "sha256"), SHA)
    assert found == changed.replace("SHA", SHA)
    assert yaml.safe_load(found)["model"]["sha256"] == SHA
