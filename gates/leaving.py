"""What somebody who is deactivated leaves open at the gates: requests, signatures, slots."""

from django.db.models import F

from audit import clock
from gates.assigned import assigned_to
from gates.conditions import not_closed
from gates.models import Condition, Package, PackagePerson, Promotion
from gates.pages import words
from gates.queue import WITH, gate_of, slot_counts
from registry.leaving import OpenEnd
from registry.models import Person, RoleGrant
from registry.roles import REVIEWING


def open_ends(person: Person) -> list[OpenEnd]:
    """Return what `person` asked for and nobody decided, signed, or alone can sign.

    The number of queries does not grow with the number of promotions.
    """
    asked = Promotion.objects.filter(requested_by=person, state__in=Promotion.UNDECIDED)
    ends = [
        OpenEnd(
            "PROMOTION",
            f"They asked for promotion {one.pk}, {words.short(one)}; it is not decided.",
            one.get_absolute_url(),
        )
        for one in asked.select_related(*WITH).order_by("pk")
    ]
    ends += [
        OpenEnd(
            "ASSIGNMENT",
            f"They are asked to mend “{one.sentence}” for promotion {one.promotion_id}.",
            one.promotion.get_absolute_url(),
        )
        for one in assigned_to(person)
    ]
    conditions = not_closed(Condition.objects.filter(owner=person, due_at__gt=clock.now()))
    ends += [
        OpenEnd(
            "CONDITION",
            f"They own condition {one.pk} of promotion {one.promotion_id}: “{one.text[:80]}”",
            one.get_absolute_url(),
        )
        for one in conditions.filter(
            promotion__state=Promotion.State.APPROVED,
            sign_off__package=F("promotion__decided_package"),
        ).order_by("due_at", "pk")
    ]
    reviews = list(
        Promotion.objects.filter(state=Promotion.State.IN_REVIEW)
        .select_related(*WITH)
        .order_by("pk")
    )
    if not reviews:
        return ends
    on_package, holders, counts = _people_on(reviews), _holders(), slot_counts()
    for one in reviews:
        people = on_package.get(one.pk, [])
        mine = [row for row in people if row.person_id == person.pk]
        if any(row.verdict in PackagePerson.APPROVALS for row in mine):
            ends.append(
                OpenEnd(
                    "SIGNATURE",
                    f"Their signature on promotion {one.pk}, {words.short(one)}, no longer counts.",
                    one.get_absolute_url(),
                )
            )
        elif not mine:
            ends += _only_theirs(person, one, people, holders, counts[gate_of(one)])
    return ends


def _only_theirs(person, promotion, people, holders, slots) -> list[OpenEnd]:
    """Return the open slots that too few would be left to fill."""
    team = promotion.release.use_case.team_id
    hand_in_it = {row.person_id for row in people}
    ends = []
    for role, wanted in slots.items():
        signed = sum(1 for row in people if row.role == role)
        able = {who for who, held, of in holders if held == role and of in (None, team)}
        able -= hand_in_it
        if person.pk in able and wanted - signed > len(able) - 1:
            ends.append(
                OpenEnd(
                    "ONLY_SIGNER",
                    f"Without them nobody is left to sign promotion {promotion.pk}, "
                    f"{words.short(promotion)}, as {words.role(role)}.",
                    promotion.get_absolute_url(),
                )
            )
    return ends


def _people_on(promotions: list[Promotion]) -> dict[int, list[PackagePerson]]:
    """Return the people of each promotion's newest package."""
    newest: dict[int, int] = dict(
        Package.objects.filter(promotion__in=promotions)
        .order_by("pk")
        .values_list("promotion_id", "pk")
    )
    found: dict[int, list[PackagePerson]] = {}
    for row in PackagePerson.objects.filter(package__in=newest.values()):
        found.setdefault(row.promotion_id, []).append(row)
    return found


def _holders() -> list[tuple[int, str, int | None]]:
    """Return (person, reviewing role, team or None for all) of everybody who can sign."""
    grants = RoleGrant.objects.in_force().filter(
        role__in=REVIEWING, person__is_active=True, person__kind=Person.Kind.PERSON
    )
    return list(grants.values_list("person_id", "role", "team_id"))
