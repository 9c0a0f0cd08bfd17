"""The libraries of concepts: the words are those of their sources, and every entry can be looked up."""

import re

import pytest

from auditlens.errors import AuditLensError
from auditlens.spec.concept_libraries import concept_library_names, find_concept, read_concept_library

F_2_1 = {
    "ABCDE/A": """asymmetric lesion,asymmetrical lesion,uneven form,irregular form,unsymmetrical lesion,irregular dark
        streaks,irregular pigment network,negative pigment network,irregular pseudonetwork,off-centered blotch,atypical
        dots or globules,regression structures,atypical pigment network,ulcer,irregular sws,unsymmetric lesion""",
    "ABCDE/B": """irregular border,irregular fuzzy border,uneven border,ragged border,jagged border,fuzzy and slightly
        jagged border,fuzzy and strongly jagged border,notched border,indistinct border,obscure border,poorly defined
        border,ill-defined border,irregular blurred border,scalloped border""",
    "ABCDE/C": """variegated color,multicolored,multicoloured,polychromatic,polychrome,blue-white veil,crystalline
        structures,varying color,changing color,different color,multiple color,many color,several color,various
        color,shades of tan,shades of brown,shades of black,shades of black and brown,shades of blue,red and blue
        color,red and black color,blue color,black and brown color,milky-red globules""",
    "ABCDE/D": """Large diameter,Large size,larger than 6m,large mole,large growth,large patch,large lesion,large
        spot""",
    "ABCDE/E": """bleeding,changing,growing,crusty,crusty surface,warty surface,warty,warty lesion,scaly,scaly
        lesion""",
    "spurious": """redness of the skin,vascular skin,red skin,dark corner visible,ink marker,plaster,ruler
        visible,white spots,fingernail,white reflections,measuring scale,measurement scale bar,size marker,purple skin
        marker,strongly haired,hairs,hairy,ink marker,band-aid,colorful patch,patch or band-aid,ruler,blue coloured
        band-aid or patch,orange coloured band-aid or patch""",
    "benign": """smooth border,uniform color,regular border,regular fuzzy border,regular hazy border,regular blurred
        border,uniform color,regular pigment network,small size,smaller than 6m,smaller than 4m,small diameter,small
        mole,small growth,small patch,small lesion,pink growths,regular dark streaks,red-bluish-black homogeneous
        areas""",
}
"""The lists as the paper prints them, line breaks undone; "pink growths" and the last are in `dermoscopy_other`."""
READ_AS = {
    "irregular sws": "irregular shiny white streaks",
    "larger than 6m": "larger than 6 mm",
    "smaller than 6m": "smaller than 6 mm",
    "smaller than 4m": "smaller than 4 mm",
}
CLASSES = [
    *("harvestman", "red_fox", "brown_bear", "bee", "marmot", "zebra", "giant_panda", "eel", "ambulance", "beer_glass"),
    *("castle", "crane", "harp", "honeycomb", "medicine_chest", "pier", "radio", "sandal", "screwdriver", "shovel"),
    *("snorkel", "soap_dispenser", "sports_car", "steel_drum", "wreck", "gyromitra"),
]


def words(library):
    return [text for concept in read_concept_library(library).concepts.values() for text in concept.texts]


@pytest.mark.parametrize("group", F_2_1)
def test_the_dermoscopy_words_are_those_of_the_paper_each_once(group):
    printed = [re.sub(r"\s+", " ", word).strip().lower() for word in F_2_1[group].split(",")]
    expected = {READ_AS.get(word, word) for word in printed}
    found = words(f"abcde#{group}")
    if group == "benign":
        found += words("dermoscopy_other#other/regular")
    assert sorted(found) == sorted(expected)


def test_all_26_classes_have_their_list_and_three_a_spurious_concept():
    groups = read_concept_library("imagenet26").groups
    assert [name.removeprefix("imagenet/") for name in groups][:26] == CLASSES
    assert {n for name, n in groups.items() if name.startswith("imagenet/")} == {12, 14, 15, 16}
    spurious = {name.partition("/")[2]: words(f"imagenet26#{name}") for name in list(groups)[26:]}
    assert spurious == {"shovel": ["snow"], "steel_drum": ["Afro-American person"], "screwdriver": ["child"]}


@pytest.mark.parametrize(
    ("group", "first", "last"),
    [
        ("harvestman", "Long, thin legs", "Huddled posture"),
        ("zebra", "Striped coat", "Coarse hair texture"),
        ("ambulance", "Flashing emergency lights", "Smooth metal panels"),
        ("honeycomb", "Hexagonal cells", "Cut honeycomb with oozing honey"),
        ("gyromitra", "Wrinkled cap", "Cream-colored stalk"),
    ],
)
def test_a_list_of_f_1_2_begins_and_ends_as_printed(group, first, last):
    found = words(f"imagenet26#imagenet/{group}")
    assert (found[0], found[-1]) == (first, last)


def test_items_cut_by_a_page_are_joined():
    assert "Clear windshield" in words("imagenet26#imagenet/ambulance")
    assert "Crystalline form" in words("imagenet26#imagenet/honeycomb")
    assert "Wall-mounted version" in words("imagenet26#imagenet/soap_dispenser")


def test_the_ox_has_sixteen_concepts_of_each_kind():
    assert read_concept_library("imagenet_ox").groups == {"ox/valid": 16, "ox/spurious": 16}
    assert "short, rough fur" in words("imagenet_ox#ox/valid")
    assert {"palm tree", "indian person", "cart, carriage"} <= set(words("imagenet_ox#ox/spurious"))


def test_the_checklist_has_three_major_and_four_minor_criteria():
    groups = read_concept_library("seven_point").groups
    assert (groups["seven_point/major"], groups["seven_point/minor"]) == (3, 4)


def test_the_xray_concepts_have_the_names_of_the_artefacts(bench):
    loaded = bench.load(include=["auditlens/artefacts/xray"], artefacts={}, concepts={}, classes={}).spec
    assert set(loaded.artefacts) <= set(read_concept_library("xray_shortcuts").concepts)


@pytest.mark.parametrize("name", concept_library_names())
def test_every_entry_has_words_a_group_and_a_source(name):
    library = read_concept_library(name)
    assert library.about.endswith(".")
    assert all(concept.texts and concept.group and concept.source for concept in library.concepts.values())
    assert all(concept.column is None for concept in library.concepts.values())


@pytest.mark.parametrize("name", concept_library_names())
def test_a_text_stands_once_in_a_group(name):
    library = read_concept_library(name)
    for group in library.groups:
        texts = [text for concept in library.concepts.values() if concept.group == group for text in concept.texts]
        assert len(texts) == len(set(texts))


def test_all_libraries_go_together_since_no_name_stands_in_two(bench):
    names = [concept for library in concept_library_names() for concept in read_concept_library(library).concepts]
    assert len(names) == len(set(names))
    assert set(names) <= set(bench.load(include=list(concept_library_names())).spec.concepts)


def test_a_part_of_a_library_is_included_with_the_groups_below_it_and_nothing_else(bench):
    loaded = bench.load(include=["auditlens/concepts/abcde#ABCDE"], concepts={}, classes={}).spec
    assert {concept.group[:6] for concept in loaded.concepts.values()} == {"ABCDE/"}
    assert bench.load(include=["auditlens/concepts/abcde#spurious"], concepts={}, classes={}).spec.concepts.keys() == (
        read_concept_library("abcde#spurious").concepts.keys()
    )


def test_a_part_of_an_own_file_leaves_the_rest_of_that_file_out(bench):
    bench.write("seed: 7\nconcepts: {a: {texts: [a], group: x/y}, b: {texts: [b], group: z}}\n", "own.yaml")
    loaded = bench.load(include=["own.yaml#x"]).spec
    assert loaded.seed == 0
    assert "a" in loaded.concepts
    assert "b" not in loaded.concepts


@pytest.mark.parametrize("group", ["ABCDF", "", "ABCDE/"])
def test_a_group_that_is_not_there_is_told_at_its_place(bench, group):
    problem = bench.problem(include=[f"auditlens/concepts/abcde#{group}"])
    assert f"include[0]: no concept is in the group {group!r}; groups are ABCDE, ABCDE/A" in problem


def test_the_nearest_library_is_named_for_a_part_too(bench):
    assert "did you mean 'auditlens/concepts/abcde'?" in bench.problem(include=["auditlens/concepts/abcd#spurious"])


def test_a_concept_is_found_in_its_library():
    assert find_concept("ruler").keys() == {"auditlens/concepts/abcde"}
    with pytest.raises(AuditLensError, match="did you mean 'ruler'"):
        find_concept("rulr")
    with pytest.raises(AuditLensError, match="did you mean 'abcde'"):
        read_concept_library("abcd")
    with pytest.raises(AuditLensError, match="groups are ABCDE/A"):
        read_concept_library("abcde#F")
