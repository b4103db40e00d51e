"""Gate versions: drafted by one policy author, published by another, and never changed again."""

from collections.abc import Mapping
from typing import Any

from audit import Change, Conflict, Reason, Refused, change
from audit.refusals import NotAllowed
from audit.rules import canonical, digest
from evidence.kinds import KINDS
from gates import documents
from gates.models import GateVersion, Requirement, SignOffSlot
from gates.rules.terms import Known, problems
from registry.models import Metric, Person, PolicyVersion
from registry.rights import acting, demand
from registry.roles import REVIEWING
from registry.rules import ASKED

#: What a requirement says, beside the version that it is part of.
FIELDS = (
    *("code", "type", "sentence", "guidance", "guidance_url", "terms", "position"),
    "follows_from",
)


def known() -> Known:
    """Return everything that terms may name now; one query."""
    metrics = Metric.objects.order_by("suite_version__number").values_list(
        "suite_version__suite__slug", "name", "higher_is_better"
    )
    return Known(
        kinds=KINDS.keys(),
        fields=ASKED.keys(),
        metrics={(suite, name): more for suite, name, more in metrics},
    )


def new_gate_version_from(pk: int, *, actor: Person, reason: str) -> GateVersion:
    """Return a draft that begins as version `pk`, numbered next in its gate.

    Raises `NotAllowed` but for policy authors for all teams, and `Conflict` when the gate has a
    draft already.
    """
    with change(actor=actor, reason=reason) as opened:
        person = acting(opened, actor)
        demand(person, "write_policy", PolicyVersion)
        gate = GateVersion.objects.values_list("gate", flat=True).get(pk=pk)
        versions = GateVersion.objects.filter(gate=gate).order_by("-number")
        newest = opened.lock(GateVersion, versions.values_list("pk", flat=True)[0])
        if newest.published_at is None:
            sentence = f"{newest} is a draft already. Go on with that one."
            raise Conflict(Reason("DRAFT_ALREADY", sentence))
        draft = opened.save(
            GateVersion(gate=gate, number=newest.number + 1, drafted_by=person),
            event="gateversion.drafted",
        )
        for row in Requirement.objects.filter(gate_version=pk).order_by("position", "code"):
            values = {name: getattr(row, name) for name in FIELDS}
            opened.save(Requirement(gate_version=draft, **values))
        for row in SignOffSlot.objects.filter(gate_version=pk).order_by("pk"):
            opened.save(SignOffSlot(gate_version=draft, role=row.role, count=row.count))
        return draft


def save_gate_draft(
    pk: int, *, notes: str, slots: Mapping[str, int], actor: Person, reason: str
) -> GateVersion:
    """Say what is new in a draft, and how many of each reviewing role sign for it."""
    with change(actor=actor, reason=reason) as opened:
        _, draft = _lock_draft(opened, pk, actor)
        reasons = [
            Reason("ROLE_SIGNS_NOTHING", f"The role {role} signs nothing.", "slots")
            for role in slots
            if role not in REVIEWING
        ] + [
            Reason("COUNT_WRONG", "One to nine people of a role sign.", "slots")
            for count in slots.values()
            if not 1 <= count <= 9
        ]
        if reasons:
            raise Refused(reasons)
        if draft.notes != notes:
            draft.notes = notes
            opened.save(draft, event="gateversion.amended")
        wanted = [{"role": role, "count": count} for role, count in slots.items()]
        opened.sync_parts(draft, SignOffSlot, wanted)
        return draft


def save_requirement(
    pk: int | None,
    *,
    gate_version: int | None = None,
    values: Mapping[str, Any],
    actor: Person,
    reason: str,
) -> Requirement:
    """Add a requirement to a draft (`pk` None), or amend one of a draft.

    Raises `Refused` with everything that is wrong with its terms.
    """
    with change(actor=actor, reason=reason) as opened:
        if pk is not None:
            gate_version = Requirement.objects.values_list("gate_version", flat=True).get(pk=pk)
        _, draft = _lock_draft(opened, gate_version, actor)
        row = Requirement(gate_version=draft) if pk is None else opened.lock(Requirement, pk)
        for name in FIELDS:
            if name in values:
                setattr(row, name, values[name])
        if pk is None:
            row.position = draft.requirements.count()
        if found := problems(row.code, row.type, row.terms, known()):
            raise Refused(found)
        return opened.save(row)


def remove_requirement(pk: int, *, actor: Person, reason: str) -> GateVersion:
    """Take a requirement out of a draft; return the draft."""
    with change(actor=actor, reason=reason) as opened:
        key = Requirement.objects.values_list("gate_version", flat=True).get(pk=pk)
        _, draft = _lock_draft(opened, key, actor)
        opened.remove(opened.lock(Requirement, pk))
        return draft


def publish_gate_version(
    pk: int, *, seen: str | None = None, actor: Person, reason: str
) -> GateVersion:
    """Publish a draft: from this instant what is asked for is judged by it.

    `seen` is the digest of the document that the publisher read; another one by now is refused.
    Raises `NotAllowed` for whoever wrote on the draft, and `Refused` for what cannot be judged.
    """
    with change(actor=actor, reason=reason) as opened:
        person, draft = _lock_draft(opened, pk, actor)
        if why := publishing_objections(person, draft):
            raise NotAllowed(why)
        content = canonical(documents.gate_version(draft))
        if seen is not None and seen != digest(content):
            raise Conflict(
                Reason("CHANGED", "The draft changed while you were reading. Look at it again.")
            )
        if found := draft_problems(draft):
            raise Refused(found)
        draft.content, draft.digest = content.decode(), digest(content)
        draft.published_at, draft.published_by = opened.now, person
        return opened.save(draft, event="gateversion.published", facts={"digest": draft.digest})


def draft_problems(draft: GateVersion) -> list[Reason]:
    """Return everything that keeps a draft from being published."""
    names = known()
    found = [
        reason
        for row in draft.requirements.all()
        for reason in problems(row.code, row.type, row.terms, names)
    ]
    if draft.gate == "sandbox" and not draft.slots.exists():
        sentence = "The sandbox gate stands first: without a slot nothing could be approved there."
        found.append(Reason("SLOT_MISSING", sentence, "slots"))
    return found


def publishing_objections(person: Person, draft: GateVersion) -> list[Reason]:
    """Return why `person` is not the second one: whoever wrote on a draft does not publish it."""
    hands = {draft.drafted_by_id}
    for history, where in (
        (GateVersion.history, {"id": draft.pk}),
        (Requirement.history, {"gate_version": draft.pk}),
        (SignOffSlot.history, {"gate_version": draft.pk}),
    ):
        hands |= set(history.filter(**where).values_list("history_user_id", flat=True))
    if person.pk in hands:
        return [Reason("WROTE_IT", "You wrote on this draft. Another policy author publishes it.")]
    return []


def draft_digest(draft: GateVersion) -> str:
    """Return the digest that the draft would be published under as it is now."""
    return digest(canonical(documents.gate_version(draft)))


def _lock_draft(opened: Change, pk: int, actor: Person) -> tuple[Person, GateVersion]:
    person = acting(opened, actor)
    draft = opened.lock(GateVersion, pk)
    demand(person, "write_policy", PolicyVersion)
    if draft.published_at is not None:
        sentence = "This version is published and never changes. Make a new one from it."
        raise Conflict(Reason("SEALED", sentence))
    return person, draft
