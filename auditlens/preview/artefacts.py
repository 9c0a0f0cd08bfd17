"""The artefacts of a run: instances, doses, shams, and the images that each would go into."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from auditlens.challenge.rendering import ArtefactSource
from auditlens.gather.answers import picture_digests
from auditlens.gather.context import Context
from auditlens.gather.trials import eligible_images, trial_rows
from auditlens.stages.planned_run import PlannedArtefact


def planned_artefacts(context: Context, sources: Mapping[str, ArtefactSource]) -> Iterator[PlannedArtefact]:
    """Describe every artefact, in the order of the spec."""
    digests = picture_digests(context)
    for name, artefact in context.spec.artefacts.items():
        rows, source = trial_rows(context, artefact), sources.get(name)
        classes = Counter(context.index.samples[row].label for row in rows)
        yield PlannedArtefact(
            name=name,
            label=artefact.label or name.replace("_", " "),
            kind=artefact.kind,
            n_instances=source.n_instances if source is not None else None,
            sham=artefact.sham != "none",
            doses={}
            if artefact.dose is None
            else {str(name): levels for name, levels in artefact.dose.levels().items()},
            n_images=len(rows),
            n_units=len({context.index.samples[row].unit for row in rows}),
            n_by_class={context.subject.classes[label]: n for label, n in sorted(classes.items())},
            n_left_out=sum(row.n_images for row in eligible_images(context, artefact).left_out),
            pictures_sha256=digests.get(name) if source is not None else None,
            at_most=artefact.clean_by is not None and artefact.clean_by.score is not None,
        )
