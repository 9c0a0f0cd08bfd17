"""From evidence to a record: findings, pictures, verdict."""

from __future__ import annotations

from datetime import date

from auditlens.findings.against import Against, Comparand
from auditlens.findings.answers import answers_of
from auditlens.findings.decision import OperatingPoint
from auditlens.findings.differences import Bootstrap
from auditlens.findings.judge import judge
from auditlens.gather.answers import picture_digests
from auditlens.gather.embeddings import keep_embeddings
from auditlens.gather.environment import environment
from auditlens.gather.evidence import Gathered
from auditlens.gather.pictures import with_pictures
from auditlens.plan.selection import Chosen
from auditlens.protocol.looks import add_look, identity_of
from auditlens.report.answers import keep_answers
from auditlens.spec.load import LoadedSpec, merged_document
from auditlens.stages.record import AuditRecord
from auditlens.stages.verdict import Policy
from auditlens.steps.prepare import Prepared
from auditlens.store.run_folder import RunFolder
from auditlens.verdict import decide


def judged(
    chosen: Chosen,
    prepared: Prepared,
    gathered: Gathered,
    others: tuple[Comparand, ...],
    folder: RunFolder,
    today: date,
    policy: Policy,
) -> AuditRecord:
    """Judge the evidence, decide every gate, and put the record together.

    Parameters
    ----------
    others : tuple of Comparand
        The baselines.
    folder : RunFolder
        Gets the pictures, embeddings and answers that the record refers to.
    today : date
        Day on which waivers are judged.
    """
    context, plan = prepared.context, prepared.plan
    context.progress.stage("Judging the evidence", None)
    answers = answers_of(gathered.evidence, plan, picture_digests(context))
    bootstrap = Bootstrap(context.spec.challenge.n_draws, plan.seed)
    against = Against(answers, others, OperatingPoint.of(plan.model).independent, bootstrap)
    findings, answers = judge(context.spec, plan, gathered.evidence, against)
    context.progress.done()
    shown = with_pictures(findings, plan, context, gathered, folder)
    keep_embeddings(folder, gathered.evidence, plan.model, context.spec.examine)
    keep_answers(folder, answers)
    context.store.laps.end("judging", len(context.index))
    return AuditRecord(
        spec=merged_document(chosen.whole),
        spec_text=chosen.loaded.text,
        plan=plan,
        findings=shown,
        verdict=decide(context.spec, plan, shown, today, policy),
        environment=environment(),
        images={name: sha for name, sha in folder.hashes().items() if name.startswith("images/")},
    )


def take_look(whole: LoadedSpec, record: AuditRecord) -> dict[str, str | int] | None:
    """Write the look at the sealed data into the ledger of the spec, where it keeps one; None where it does not."""
    state = record.plan.protocol.look if record.plan.protocol is not None else None
    if state is None:
        return None
    identity = identity_of(whole, record.plan.model.identity_sha256, record.plan.data.sha256)
    return add_look(whole, state, identity, record.verdict.headline, int(record.verdict.exit_code))
