"""What becomes of a follow-up: a requirement of a gate, or a condition of an approval.

Both are written in gates, as ever: a requirement by a policy author into a draft that somebody else
publishes, a condition by whoever signs. Each says what it follows from, and that text names the
follow-up; so nothing is kept here that could tell otherwise. With the publication, or with the
closing of the condition, the follow-up is done.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.urls import reverse

from audit import Change, Conflict, Reason, Refused, clock
from gates import transitions as gates
from gates.causes import Choice
from gates.conditions import facts_of, with_closings
from gates.models import Condition, ConditionClosing, GateVersion, Promotion, Requirement
from gates.pages.gateversion import newest
from gates.rules.conditions import state
from registry.models import Person, Release
from runtime.incidents.models import FollowUp, Incident

NAMED = re.compile(r"incident ([0-9]{1,9}), follow-up ([0-9]{1,9})")
#: Follow-ups that a menu offers, and promotions that a page names.
MOST = 50


def name_of(row: FollowUp) -> str:
    """Return the text by which a requirement or a condition says that it follows from this."""
    return f"incident {row.incident_id}, follow-up {row.pk}"


def named_in(text: str) -> tuple[int, int] | None:
    """Return the keys of the incident and the follow-up that a text names, if it names one."""
    found = NAMED.fullmatch(text)
    return (int(found[1]), int(found[2])) if found else None


def address_of(text: str) -> str:
    """Return where the follow-up that a text names is read; it is for its readers alone."""
    named = named_in(text)
    return f"{reverse('admin:incident', args=[named[0]])}#follow-up-{named[1]}" if named else ""


def offered(release: Release, reader: Person) -> list[Choice]:
    """Return what waits of incidents of a release or its use case, for conditions to take up."""
    incidents = Incident.objects.visible_to(reader).filter(
        Q(use_case=release.use_case_id) | Q(links__release=release)
    )
    rows = FollowUp.objects.filter(incident__in=incidents.values("pk"), done_at=None)
    found = rows.order_by("due_on", "pk")[:MOST]
    return [(name_of(row), f"{name_of(row)}: {row.text[:80]}") for row in found]


# What became of them


@dataclass(frozen=True)
class Became:
    """A requirement or a condition that follows from a follow-up, and how it stands."""

    kind: str
    #: draft, in_force, replaced; or open, closed, overdue.
    state: str
    sentence: str
    url: str

    @property
    def drawn(self) -> tuple[str, str]:
        """How the state is drawn: a state of the look, and its word."""
        return STATES[self.state]


STATES = {
    "draft": ("draft", "In a draft"),
    "in_force": ("met", "In force"),
    "replaced": ("ended", "No longer asked for"),
    "open": ("open", "Open"),
    "closed": ("closed", "Closed"),
    "overdue": ("overdue", "Overdue"),
}


def became(rows: Iterable[FollowUp], reader: Person) -> dict[int, list[Became]]:
    """Return what became of each follow-up, as far as the reader may see; four queries."""
    names = {name_of(row): row.pk for row in rows}
    found: dict[int, list[Became]] = {key: [] for key in names.values()}
    if not names:
        return found
    for name, one in (*_requirements(list(names), reader), *_conditions(list(names), reader)):
        found[names[name]].append(one)
    return found


def _requirements(names: list[str], reader: Person) -> Iterable[tuple[str, Became]]:
    rows = Requirement.objects.visible_to(reader).filter(follows_from__in=names)
    in_force, last = newest(), {}
    for row in rows.select_related("gate_version").order_by("gate_version__number", "pk"):
        # A version keeps what the one before it asked for: the newest speaks for all.
        key = (row.follows_from, row.gate_version.gate, row.code)
        if row.gate_version.published_at is None and key in last:
            continue
        last[key] = row
    for (name, gate, code), row in last.items():
        version = row.gate_version
        stands = "in_force" if version.pk in in_force else "replaced"
        if version.published_at is None:
            stands, said = "draft", f"{version} asks for it once somebody else publishes it"
        elif stands == "in_force":
            said = f"{version} asks for it"
        else:
            said = f"{version} asked for it, the version in force does not"
        sentence = f"Requirement {gate}.{code}: {row.sentence} {said[0].upper()}{said[1:]}."
        yield name, Became("requirement", stands, sentence, row.get_absolute_url())


def _conditions(names: list[str], reader: Person) -> Iterable[tuple[str, Became]]:
    rows = Condition.objects.visible_to(reader).filter(follows_from__in=names)
    rows = with_closings(rows.select_related("promotion__release__use_case"))
    now = clock.now()
    for row in rows:
        where = f"{row.promotion.release} into {row.promotion.environment}"
        sentence = f"Condition of the approval of {where}: {row.text}"
        stands = state(facts_of(row), now)
        yield row.follows_from, Became("condition", stands, sentence, row.get_absolute_url())


# Making a requirement of one


def draft_for(gate: str, *, actor: Person, reason: str) -> GateVersion:
    """Return the draft of a gate that is open, or start one from the version in force.

    Raises `NotAllowed` but for those who write gates.
    """
    rows = GateVersion.objects.filter(gate=gate).order_by("-number")
    drafts = rows.filter(published_at=None)
    if (draft := drafts.first()) is not None:
        return draft
    try:
        return gates.new_gate_version_from(rows[0].pk, actor=actor, reason=reason)
    except Conflict:
        # Somebody else started it meanwhile: there is one, and it is gone on with.
        return drafts.get()


def requirement_url(row: FollowUp, draft: GateVersion) -> str:
    """Return the address of the form of a new requirement, with what is known filled in."""
    known = {"gate_version": draft.pk, "sentence": row.text[:300], "follows_from": name_of(row)}
    return f"{reverse('admin:gates_requirement_add')}?{urlencode(known)}"


def open_promotions(incident: Incident, reader: Person) -> QuerySet[Promotion]:
    """Return what is in review now of the incident's use case and releases, newest first."""
    of = Q(release__in=incident.links.exclude(release=None).values("release"))
    if incident.use_case_id is not None:
        of |= Q(release__use_case=incident.use_case_id)
    rows = Promotion.objects.visible_to(reader).filter(of, state=Promotion.State.IN_REVIEW)
    return rows.select_related("release__use_case", "environment").order_by("-pk")[:MOST]


# Consequences of what gates do


def take_up(change: Change) -> None:
    """Refuse a cause that names no follow-up, and let those that were met be done; a consequence.

    Raises `Refused` for a follow-up that there is not, or that the actor may not see.
    """
    if change.user is None:
        return
    for noun in (Requirement, Condition):
        rows = noun.objects.filter(pk__in=change.saved.get(noun, ())).exclude(follows_from="")
        for name in sorted(set(rows.values_list("follows_from", flat=True))):
            _check(name, change.user)
    _finish_published(change)
    _finish_closed(change)


def _check(name: str, reader: Person) -> None:
    named = named_in(name)
    if named is None:
        return
    incident, pk = named
    if not FollowUp.objects.visible_to(reader).filter(pk=pk, incident=incident).exists():
        sentence = f"There is no {name} that you may see. Take it from the incident's page."
        raise Refused(Reason("NO_SUCH_FOLLOW_UP", sentence, "follows_from"))


def _finish_published(change: Change) -> None:
    versions = change.saved.get(GateVersion, ())
    rows = Requirement.objects.filter(
        gate_version__in=versions, gate_version__published_at__isnull=False
    ).exclude(follows_from="")
    for row in rows.select_related("gate_version").order_by("pk"):
        said = f"Gate {row.gate_version} asks for it: {row.code}."
        _finish(change, row.follows_from, said)


def _finish_closed(change: Change) -> None:
    rows = ConditionClosing.objects.filter(pk__in=change.saved.get(ConditionClosing, ()))
    for row in rows.exclude(condition__follows_from="").select_related("condition"):
        said = f"Condition {row.condition_id} was closed by evidence: {row.reason}"
        _finish(change, row.condition.follows_from, said)


def _finish(change: Change, name: str, said: str) -> None:
    """Let a follow-up be done by what was made of it, unless it is done already."""
    named = named_in(name)
    if named is None:
        return
    incident, pk = named
    if not FollowUp.objects.filter(pk=pk, incident=incident, done_at=None).exists():
        return
    change.lock(Incident, incident)
    row = change.lock(FollowUp, pk)
    if row.done_at is None:
        row.done_at, row.done_by, row.outcome = change.now, change.user, said
        change.save(row, event="incident.follow_up_done")
