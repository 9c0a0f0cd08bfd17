"""`auditlens concepts list|show`: the libraries of concepts that come with the tool, and where the words are from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from auditlens.spec.concept_libraries import ConceptLibrary
    from auditlens.spec.meaning import Concept

format_option = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Form of the output.",
)


@click.group()
def concepts() -> None:
    """List and show the libraries of concepts that come with the tool."""


@concepts.command("list")
@format_option
def list_libraries(form: str) -> None:
    """List the libraries with their groups, the number of concepts in each, and their sources."""
    from auditlens.spec.concept_libraries import concept_library_names, read_concept_library

    libraries = [read_concept_library(name) for name in concept_library_names()]
    if form == "json":
        click.echo(json.dumps([_head(library) for library in libraries], indent=2, ensure_ascii=False))
        return
    click.echo("\n\n".join(_summary(library) for library in libraries))
    click.echo(
        "\nUse one: include: [auditlens/concepts/abcde], or a group of it: include: [auditlens/concepts/abcde#spurious]"
    )


@concepts.command()
@click.argument("name")
@format_option
def show(name: str, form: str) -> None:
    """Show the concepts of a library (abcde), of a group of it (abcde#ABCDE/B), or one concept by its NAME."""
    from auditlens.spec.concept_libraries import PREFIX, concept_library_names, find_concept, read_concept_library

    is_library = PREFIX + name.removeprefix(PREFIX).partition("#")[0] in concept_library_names()
    if not is_library:
        found = find_concept(name)
        click.echo(_json(found) if form == "json" else "\n".join(_entry(f"{name} ({at})", found[at]) for at in found))
        return
    library = read_concept_library(name)
    click.echo(json.dumps(_whole(library), indent=2, ensure_ascii=False) if form == "json" else _page(library))


def _json(found: dict[str, Concept]) -> str:
    return json.dumps({library: _row(concept) for library, concept in found.items()}, indent=2, ensure_ascii=False)


def _head(library: ConceptLibrary) -> dict[str, Any]:
    return {
        "library": library.name,
        "about": library.about,
        "n_concepts": len(library.concepts),
        "groups": library.groups,
        "sources": library.sources,
    }


def _whole(library: ConceptLibrary) -> dict[str, Any]:
    return _head(library) | {"concepts": {name: _row(concept) for name, concept in library.concepts.items()}}


def _row(concept: Concept) -> dict[str, Any]:
    return concept.model_dump(mode="json", exclude_defaults=True)


def _summary(library: ConceptLibrary) -> str:
    groups = ", ".join(f"{group} {n}" for group, n in _few(library.groups))
    more = len(library.groups) - len(_few(library.groups))
    return "\n".join(
        [
            f"{library.name}: {len(library.concepts)} concepts",
            f"  {library.about}",
            f"  groups: {groups}" + (f" and {more} more" if more else ""),
            f"  source: {'; '.join(library.sources)}",
        ]
    )


def _few(groups: dict[str, int]) -> list[tuple[str, int]]:
    """A library of a group per class would fill the screen."""
    return list(groups.items())[: 8 if len(groups) > 10 else None]


def _page(library: ConceptLibrary) -> str:
    entries = [_entry(name, concept) for name, concept in library.concepts.items()]
    return "\n".join([f"{library.name}: {len(library.concepts)} concepts", f"  {library.about}", "", *entries])


def _entry(name: str, concept: Concept) -> str:
    facts = {
        "group": concept.group,
        "texts": "; ".join(concept.texts),
        "not assessable": concept.not_assessable,
        "source": concept.source,
    }
    return "\n".join([name, *(f"    {fact}: {value}" for fact, value in facts.items() if value)])
