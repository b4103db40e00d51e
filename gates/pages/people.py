"""Who signed, who is wanted, and who took part and therefore cannot sign."""

import json
from dataclasses import dataclass, field, replace
from datetime import datetime

from gates.differences import Difference, differences
from gates.models import PackagePerson, Promotion
from gates.pages import words
from gates.pages.loaded import Loaded
from gates.rules import Slot, counting, objections
from gates.rules.findings import day
from gates.rules.signing import APPROVALS, TIES
from registry.showing import how

#: People named in one sentence; the rest is counted.
NAMED = 4


@dataclass(frozen=True)
class Slotted:
    """One sign-off slot or signature, as `portal/_signoff.html` lays it out."""

    state: str
    role: str
    word: str = ""
    person: str = ""
    sentence: str = ""
    at: datetime | None = None
    meaning: str = ""
    reason: str = ""
    how: str = ""
    digest: str = ""
    changes: list[Difference] = field(default_factory=list)
    note: str = ""
    url: str = ""
    words: str = ""
    receipt: str = ""
    anchor: str = ""


@dataclass(frozen=True)
class Part:
    """Somebody who had a hand in it, in words."""

    name: str
    is_you: bool
    sentence: str


def slots(loaded: Loaded) -> tuple[list[Slotted], str]:
    """Return one row per slot, then refusals on the same package, and the count in words."""
    promotion = loaded.promotion
    digest = loaded.digest
    decided = promotion.state == Promotion.State.APPROVED
    counted = {
        (one.person, one.slot) for one in counting(loaded.review) if one.verdict in APPROVALS
    }
    approvals = {
        one.slot: one
        for one in loaded.signed
        if one.package_digest == digest and one.verdict in APPROVALS
    }
    rows, number = [], 0
    for slot in loaded.slots:
        row = approvals.get(str(slot))
        if row is None:
            rows.append(_wanted(loaded, slot))
        elif decided or (row.person_id, row.slot) in counted or promotion.decided_at:
            number += 1
            said = words.VERDICTS[row.verdict][1]
            rows.append(_signature(loaded, row, said, note="counts"))
        else:
            rows.append(
                _signature(
                    loaded,
                    row,
                    "void",
                    sentence=f"{row.printed_name} no longer holds the role "
                    f"{words.role(row.role)} here, so this signature does not count.",
                )
            )
    rows += [
        _signature(loaded, one, words.VERDICTS[one.verdict][1])
        for one in loaded.signed
        if one.package_digest == digest and one.verdict not in APPROVALS
    ]
    said = f"{number} of {len(loaded.slots)} count{'s' if number == 1 else ''}"
    return rows, said


def _signature(loaded: Loaded, row: PackagePerson, state: str, **more) -> Slotted:
    return Slotted(
        state=state,
        role=words.capital(words.role(row.role)),
        person=loaded.you_or(row.person_id, row.printed_name),
        at=row.signed_at,
        meaning=words.meaning(row.verdict, row.meaning),
        reason=row.reason,
        how=how(row.authentication),
        digest=row.package_digest,
        anchor=f"signature-{row.pk}",
        url=f"{loaded.promotion.get_absolute_url()}signatures/{row.pk}/",
        words="Signature record",
        receipt=f"{loaded.promotion.get_absolute_url()}signatures/{row.pk}/receipt/",
        **more,
    )


def _wanted(loaded: Loaded, slot: Slot) -> Slotted:
    role = words.capital(words.role(slot.role))
    if not loaded.promotion.is_undecided:
        return Slotted(state="missing", word="Not signed", role=role)
    people = loaded.eligible.get(slot.role, [])
    if loaded.promotion.state != Promotion.State.IN_REVIEW:
        return Slotted(state="wanted", word="Will be wanted", role=role, sentence=_who(people))
    yours = slot.role in loaded.person.roles and not objections(
        loaded.review, loaded.person, "reject"
    )
    if yours:
        return Slotted(
            state="wanted_from_you",
            role=role,
            sentence="You have not signed this package."
            if len(loaded.person.roles & {one.role for one in loaded.slots}) == 1
            else "You have not signed this package. You may fill one slot.",
            url="#decide",
            words="Decide",
        )
    return Slotted(state="wanted", role=role, sentence=_who(people))


def _who(people: list) -> str:
    names = [person.username for person in people]
    if not names:
        return "Nobody who may sign holds this role here. An administrator grants it."
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    said = f"{', '.join(names[:NAMED])}{more}" if more else words.listed(names, "or")
    return f"{said} may sign."


def earlier_sign_offs(loaded: Loaded) -> list[Slotted]:
    """Return the signatures on other packages, newest first, with what changed since each."""
    rows = []
    for one in reversed(loaded.signed):
        if one.package_digest == loaded.digest:
            continue
        approved = one.verdict in APPROVALS
        rows.append(
            _signature(
                loaded,
                one,
                "void" if approved else words.VERDICTS[one.verdict][1],
                changes=changed_since(loaded, one.package),
            )
        )
    return rows


def since_decision(loaded: Loaded) -> list[Difference]:
    """Return what is no longer as it was approved; the approval stands for what was signed."""
    if loaded.promotion.state != Promotion.State.APPROVED:
        return []
    return _told(loaded, differences(loaded.document, loaded.package.document, _namer(loaded)))


def changed_since(loaded: Loaded, package) -> list[Difference]:
    """Return what changed between a stored package and the one on show, with who and when."""
    return _told(loaded, differences(json.loads(package.content), loaded.document, _namer(loaded)))


def _namer(loaded: Loaded):
    items = loaded.package.gathered.items
    return lambda pk: items[pk].title if pk in items else pk


def _told(loaded: Loaded, found: list[Difference]) -> list[Difference]:
    """Add by whom and when, where the record says so."""
    return [
        replace(one, sentence=f"{one.sentence} {said}") if (said := _by(loaded, one)) else one
        for one in found
    ]


def _by(loaded: Loaded, difference: Difference) -> str:
    what, which = difference.about
    items = loaded.package.gathered.items
    if what == "evidence" and which in items:
        item, withdrawal = items[which], getattr(items[which], "withdrawal", None)
        if difference.state == "removed" and withdrawal:
            return f"Withdrawn {_when(withdrawal.withdrawn_by, withdrawal.withdrawn_at)}."
        if difference.state == "removed":
            line = loaded.timeline.newest.get("promotion.evidence_taken_in")
            return f"Done {_when(line.actor, line.at)}." if line else ""
        return f"Given {_when(item.author, item.created_at)}."
    if what == "endpoint" and difference.state == "changed":
        for endpoint in loaded.endpoints:
            if endpoint.slug == which:
                return f"Changed {_when(endpoint.change.actor_name, endpoint.change.at)}."
    event = {"endpoint": "promotion.amended", "submission": "promotion.submitted"}.get(what)
    line = loaded.timeline.newest.get(event)
    return f"Done {_when(line.actor, line.at)}." if line else ""


def _when(who, at: datetime) -> str:
    return f"by {who}, {day(at)} {at:%H:%M} UTC"


def taking_part(loaded: Loaded) -> list[Part]:
    """Return everybody who had a hand in it, with how, in the package's own words."""
    return [
        Part(
            name=one["name"],
            is_you=loaded.is_reader(one["id"]),
            sentence=words.listed(TIES.get(tie, tie.replace("_", " ")) for tie in one["ties"]),
        )
        for one in loaded.document["involved"]
    ]


def who_may_sign(loaded: Loaded) -> str:
    """Return whom to ask instead: the people who may sign in the slots that are open."""
    names = sorted(
        {
            person.username
            for people in loaded.eligible.values()
            for person in people
            if person.pk != loaded.user.pk
        }
    )
    if not names:
        return "Nobody else may sign here. An administrator grants the roles that are wanted."
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"Who may: {', '.join(names[:NAMED])}{more}."
