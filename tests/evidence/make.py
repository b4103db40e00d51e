"""Makers of evidence: each goes through the public verbs, so what they make could be real."""

import io
import zipfile

from django.core.files.uploadedfile import SimpleUploadedFile

from audit import clock
from evidence import transitions
from evidence.kinds import KINDS
from evidence.models import EvaluationRun, EvidenceItem, RunAcceptance
from registry.models import Person, SuiteVersion
from registry.roles import Role
from tests.make import WHY, make_person, make_release, make_suite_version


def contributor() -> Person:
    """Return the evidence contributor for all teams who gives what makers make."""
    found = Person.objects.filter(username="cleo").first()
    return found or make_person("cleo", Role.EVIDENCE_CONTRIBUTOR)


def reviewer() -> Person:
    """Return the reviewer for all teams who accepts what makers make."""
    found = Person.objects.filter(username="rita").first()
    return found or make_person("rita", Role.REVIEWER)


def answers_to(kind: str) -> dict:
    """Return an answer to every required question of a kind; a rollback plan switches off."""
    answers = {
        question.key: f"Answer to “{question.label}”"
        for question in KINDS[kind].questions
        if question.required and question.type == "text" and question.only_if is None
    }
    if kind == "rollback_plan":
        answers |= {"target": "switch_off", "procedure": "Turn the flag off."}
    return answers


def upload(name: str = "report.txt", content: bytes = b"All good.\n") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def zipped(**members: bytes) -> bytes:
    """Return a zip of the members, of one text if none is named."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (members or {"a.txt": b"All good.\n"}).items():
            archive.writestr(name, content)
    return packed.getvalue()


def make_evidence(kind: str = "safety_check", *, actor: Person | None = None, **values):
    """Return an item about a new sealed release, unless `values` say otherwise."""
    if "release" not in values and "version" not in values:
        values["release"] = make_release()
    return transitions.give(
        **{
            "kind": kind,
            "title": f"{KINDS[kind].name} of a test",
            "verdict": EvidenceItem.Verdict.PASS,
            "standing": EvidenceItem.Standing.INTERNAL,
            "vouched_by": "Safety team",
            "answers": answers_to(kind),
            "actor": actor or contributor(),
            "reason": WHY,
            **values,
        }
    )


def scores_of(suite_version: SuiteVersion, *texts: str) -> list[dict]:
    """Return a score for each metric of a suite version, in the order of their names."""
    metrics = suite_version.metrics.order_by("name")
    return [{"metric": metric, "text": text} for metric, text in zip(metrics, texts, strict=True)]


def make_run(
    item: EvidenceItem | None = None,
    *texts: str,
    suite_version: SuiteVersion | None = None,
    actor: Person | None = None,
    accepted: bool = False,
    **values,
) -> EvaluationRun:
    """Return a run under `item` with a score for each metric of the suite version."""
    suite_version = suite_version or make_suite_version()
    run = transitions.add_run(
        (item or make_evidence("benchmark")).pk,
        **{
            "suite_version": suite_version,
            "ran_at": clock.now(),
            "source": "harness 1.0",
            "scores": values.pop("scores", None) or scores_of(suite_version, *(texts or ("0.91",))),
            "actor": actor or contributor(),
            "reason": WHY,
            **values,
        },
    )
    if accepted:
        accept(run)
    return run


def accept(run: EvaluationRun, *, actor: Person | None = None) -> RunAcceptance:
    return transitions.accept_run(run.pk, actor=actor or reviewer(), reason=WHY)
