"""`artefacts.defaults`: whom they reach, what lies over them, and each fault once and at its place."""

import pytest

HEAD = """auditlens: 1
{include}audit: {{id: T-1}}
model: {{architecture: "torchvision:resnet18", classes: [benign, melanoma]}}
data: {{folder: images}}
decision: {{class: melanoma, threshold: 0.5}}
gates:
  works: {{metric: sensitivity, limit: ">= 0.9"}}
artefacts:
"""
ALONE = HEAD.format(include="")
WITH_LIBRARY = HEAD.format(include="include: [auditlens/artefacts/dermoscopy]\n")
VALID = "clean_of, sham, placement, avoid, scale, opacity, only, reason"
TINT = "{kind: tint, colour: [231, 128, 151]}"


def artefacts(bench, body, head=ALONE):
    return bench.load(head + body).spec.artefacts


def test_they_lie_under_every_artefact_and_are_none(bench):
    found = artefacts(
        bench,
        "  defaults: {avoid: lesion_mask, sham: none, scale: [0.5, 0.6], only: {site: [A]}, reason: pilot}\n"
        "  ruler: {kind: ruler}\n  ink: {kind: ink, avoid: nothing, scale: [1, 2]}\n",
    )
    assert list(found) == ["ruler", "ink"]
    assert (found["ruler"].avoid, found["ruler"].sham, found["ruler"].scale) == ("lesion_mask", "none", (0.5, 0.6))
    assert (found["ink"].avoid, found["ink"].sham, found["ink"].scale) == ("nothing", "none", (1.0, 2.0))
    assert {(one.reason, one.only["site"]) for one in found.values()} == {("pilot", ("A",))}


def test_what_a_library_says_lies_under_them_and_what_a_spec_says_over_them(bench):
    body = "  defaults: {avoid: lesion_mask, placement: anywhere}\n  ruler: {column: ruler}\n  hair: {avoid: nothing}\n"
    found = artefacts(bench, body, WITH_LIBRARY)
    assert (found["ruler"].avoid, found["ruler"].placement, found["ruler"].column) == (
        "lesion_mask",
        "anywhere",
        "ruler",
    )
    assert found["hair"].avoid == "nothing"
    assert (found["ruler"].label, found["ink"].avoid) == ("a ruler", "lesion_mask")


def test_a_kind_to_which_a_default_means_nothing_stays_as_it_is(bench):
    body = "  defaults: {avoid: lesion_mask, placement: border, scale: [0.5, 0.6]}\n"
    swap = "  swap: {kind: colour_profile, swap: {column: device}}\n  jpeg: {kind: jpeg}\n  blur: {kind: blur}\n"
    found = artefacts(bench, body + swap, WITH_LIBRARY)
    for name in ("red_skin", "dark_corner", "swap"):
        assert found[name].avoid == "nothing", name
    assert (found["red_skin"].placement, found["dark_corner"].placement) == ("full", "corner")
    assert (found["swap"].placement, found["jpeg"].scale) == ("full", (0.8, 1.2))
    assert found["dark_corner"].scale == found["blur"].scale == (0.5, 0.6)


def test_null_takes_a_default_out(bench):
    found = artefacts(bench, "  defaults: {avoid: lesion_mask}\n  ruler: {kind: ruler, avoid: null}\n")
    assert found["ruler"].avoid == "centre"
    assert artefacts(bench, "  defaults:\n  ruler: {kind: ruler}\n")["ruler"].avoid == "centre"


def test_an_entry_with_its_own_rule_does_not_take_the_reason_of_another(bench):
    body = "  defaults: {only: {site: [A]}, reason: pilot}\n  ruler: {kind: ruler, only: {site: [B]}}\n"
    ruler = artefacts(bench, body)["ruler"]
    assert (ruler.only, ruler.reason) == ({"site": ("B",)}, "")


def test_the_anchor_of_the_defaults_says_nothing_more_than_they_do(bench):
    body = "  defaults: &a {avoid: lesion_mask, placement: corner}\n"
    swap = "  swap: {<<: *a, kind: colour_profile, swap: {column: device}}\n  ink: {<<: *a, kind: ink, avoid: centre}\n"
    found = artefacts(bench, body + swap + "  ruler: {<<: *a, kind: ruler}\n")
    assert (found["swap"].avoid, found["swap"].placement) == ("nothing", "full")
    assert (found["ink"].avoid, found["ink"].placement, found["ruler"].avoid) == ("centre", "corner", "lesion_mask")


def test_what_a_library_says_is_not_lost_under_the_anchor(bench):
    body = "  defaults: &a {avoid: lesion_mask}\n  red_skin: {<<: *a, label: flush}\n  ruler: {<<: *a}\n"
    found = artefacts(bench, body, WITH_LIBRARY)
    assert (found["red_skin"].avoid, found["red_skin"].label, found["ruler"].avoid) == (
        "nothing",
        "flush",
        "lesion_mask",
    )


def test_what_an_entry_itself_says_is_held_against_its_kind(bench):
    swap = "  swap: {kind: colour_profile, swap: {column: device}, avoid: lesion_mask}\n"
    problem = bench.problem(ALONE + "  defaults: {avoid: lesion_mask}\n" + swap)
    assert problem == "spec.yaml:10:63: artefacts.swap.avoid: must be 'nothing'; found the text 'lesion_mask'"


def test_an_included_file_may_bring_them(bench):
    bench.write("artefacts:\n  defaults: {avoid: lesion_mask}\n  ink: {kind: ink, avoid: centre}\n", "team.yaml")
    found = artefacts(bench, "  ruler: {kind: ruler}\n", HEAD.format(include="include: [team.yaml]\n"))
    assert (found["ruler"].avoid, found["ink"].avoid) == ("lesion_mask", "centre")


@pytest.mark.parametrize(
    ("defaults", "problem"),
    [
        ("{column: ruler}", f"9:14: artefacts.defaults.column: is no default of artefacts; valid are {VALID}"),
        ("{kind: ruler}", f"9:14: artefacts.defaults.kind: is no default of artefacts; valid are {VALID}; `defaults` "
         "is no artefact: give an artefact another name"),
        ("{seed: 7}", "9:14: artefacts.defaults.seed: is no default of artefacts; one seed serves the whole spec: "
         "write seed at its top level"),
        ("{sham: same_shape_skin}", "9:20: artefacts.defaults.sham: there is no 'same_shape_skin'; "
         "write texture: the same place, size and pixel energy, in the skin's own tone"),
        ("{scale: [2, 1]}", "9:14: artefacts.defaults.scale: write the smaller end first: [1.0, 2.0]"),
        ("{reason: why}", "9:3: artefacts.defaults: reason says why `only` leaves images out, and there is no `only`"),
        ("[sham]", f"9:3: artefacts.defaults: must be a mapping with {VALID}"),
    ],
)  # fmt: skip
def test_a_fault_is_told_once_and_where_it_stands(bench, defaults, problem):
    text = f"{ALONE}  defaults: {defaults}\n" + f"  ruler: {{kind: ruler}}\n  red: {TINT}\n"
    assert bench.problem(text) == f"spec.yaml:{problem}"


def test_a_field_of_another_kind_is_told_with_the_kinds_that_have_it(bench):
    problem = bench.problem(ALONE + "  ruler: {kind: ruler, degrees: [1, 2]}\n")
    assert problem.endswith("n_instances; kinds that have it: hue_shift")


def test_an_artefact_without_a_kind_is_told_the_kinds_that_fit(bench):
    assert bench.problem(ALONE + "  swap: {swap: {column: device}}\n").endswith(
        "an artefact needs a kind: with swap it is colour_profile"
    )
    assert "an artefact needs a kind: tint, hue_shift" in bench.problem(ALONE + "  swap: {shade: 2}\n")


def test_the_place_of_a_default_is_where_it_is_written(bench):
    loaded = bench.load(ALONE + "  defaults: {avoid: lesion_mask}\n  ruler: {kind: ruler}\n")
    assert loaded.locate(("artefacts", "ruler", "avoid")).line == 9
