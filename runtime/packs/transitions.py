"""Recording that a pack was built: an entry that names it by the digest of its manifest."""

import audit
from audit import Actor
from audit.rules import instant_text
from registry.models import Person
from registry.rights import acting, demand
from runtime.packs.building import Pack, Subject
from runtime.packs.models import EvidencePack


def record(pack: Pack, *, actor, reason: str) -> EvidencePack:
    """Record a pack before any of it is handed out; one that the same builder has stands for it.

    Raises `NotAllowed`.
    """
    subject = pack.subject
    with audit.change(actor=actor, reason=reason) as change:
        builder = None
        if not isinstance(actor, Actor):
            builder = acting(change, actor)
            demand(builder, "build_pack", team_of(subject))
        again = known(subject, pack.view.at, builder, with_pdf=pack.with_pdf)
        if again and again.manifest == pack.manifest:
            return again
        row = EvidencePack(
            promotion=subject.promotion,
            environment=subject.environment,
            since=subject.since,
            as_of=pack.view.at,
            with_pdf=pack.with_pdf,
            log_size=pack.view.covered.checkpoint.size,
            manifest=pack.manifest,
            size=pack.bundle.length,
            files=len(pack.bundle.files),
            left_out=len(pack.left_out),
            built_by=builder,
            built_at=change.now,
        )
        facts = {
            "manifest": pack.manifest,
            "as_of": instant_text(pack.view.at),
            **subject.said,
        }
        return change.save(row, event="evidencepack.built", facts=facts)


def known(
    subject: Subject, as_of, builder: Person | None, *, with_pdf: bool = False
) -> EvidencePack | None:
    """Return the newest pack of the same thing at the same instant by the same builder."""
    return (
        EvidencePack.objects.filter(
            promotion=subject.promotion,
            environment=subject.environment,
            since=subject.since,
            as_of=as_of,
            with_pdf=with_pdf,
            built_by=builder,
        )
        .order_by("-pk")
        .first()
    )


def team_of(subject: Subject):
    """Return the team in which building takes a role; None is any."""
    return subject.promotion.release.use_case.team if subject.promotion is not None else None
