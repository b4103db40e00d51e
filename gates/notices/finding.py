"""News that nobody's change tells: approvals that end or ended, signatures that stopped counting.

Each is found from the rows as they are and written once, under a text that stays the same; so it
does not matter how often, by how many, or after what this is run. Part of `tick`.
"""

from collections.abc import Iterator

from django.db.models import Exists, F, OuterRef, QuerySet

from audit import clock
from gates.approvals import Approval, approvals
from gates.models import Notice, PackagePerson, Promotion
from gates.packages import live
from gates.rules.notices import ending_step

#: Promotions judged together.
CHUNK = 200
#: Verdicts by which nobody approved.
REFUSALS = (PackagePerson.Verdict.REQUEST_CHANGES, PackagePerson.Verdict.REJECT)
#: What `live` reads of a promotion.
WITH = ("release__use_case__team", "release__model_version__model", "environment", "requested_by")


def find_endings() -> str:
    """Write a notice for each approval that ends soon or has ended, once for each step."""
    told = Notice.objects.filter(kind="approval.ended", promotion=OuterRef("pk"))
    standing = Promotion.objects.filter(~Exists(told), state=Promotion.State.APPROVED)
    found = 0
    for chunk in _chunks(standing):
        judged = approvals(chunk)
        replaced = _replaced(judged)
        for one in judged:
            found += _note_end(one, silent=one.promotion.pk in replaced)
    return f"{found} ends found"


def _note_end(approval: Approval, *, silent: bool) -> bool:
    """Write what is to be told of an approval's end; a silent one is kept as told already."""
    promotion, until = approval.promotion, approval.until
    if not approval.holds:
        return _write("approval.ended", promotion, "", until, {}, silent=silent)
    step = ending_step(until, approval.at)
    if step is None or silent:
        return False
    return _write("approval.ending", promotion, f":{step}", approval.at, {"days": step})


def _replaced(judged: list[Approval]) -> set[int]:
    """Return those whose release another approval allows there, for longer: nothing ends then."""
    pairs = {(one.promotion.release_id, one.promotion.environment_id) for one in judged}
    others = Promotion.objects.filter(
        release__in={release for release, _ in pairs},
        environment__in={environment for _, environment in pairs},
    )
    last: dict[tuple[int, int], Approval] = {}
    for one in approvals(others):
        pair = (one.promotion.release_id, one.promotion.environment_id)
        if one.holds and (pair not in last or one.until > last[pair].until):
            last[pair] = one
    return {
        one.promotion.pk
        for one in judged
        if (best := last.get((one.promotion.release_id, one.promotion.environment_id)))
        and best.promotion.pk != one.promotion.pk
    }


def find_changed_packages() -> str:
    """Write a notice for each promotion in review whose signatures stopped counting."""
    signed = PackagePerson.objects.filter(
        promotion=OuterRef("pk"),
        kind=PackagePerson.Kind.SIGNER,
        # A submission begins anew: what was signed before it is known not to count.
        package__created_at__gte=OuterRef("submitted_at"),
    ).exclude(verdict__in=REFUSALS)
    in_review = Promotion.objects.filter(Exists(signed), state=Promotion.State.IN_REVIEW)
    found = 0
    for chunk in _chunks(in_review):
        for promotion in chunk.select_related(*WITH):
            found += _note_changed(promotion)
    return f"{found} changed packages found"


def _note_changed(promotion: Promotion) -> bool:
    digest = live(promotion).digest
    rows = (
        promotion.people.filter(
            kind=PackagePerson.Kind.SIGNER,
            package__created_at__gte=F("promotion__submitted_at"),
        )
        .exclude(verdict__in=REFUSALS)
        .values_list("person_id", "package_digest")
    )
    current = {person for person, on in rows if on == digest}
    fell = sorted({person for person, on in rows if on != digest} - current)
    if not fell:
        return False
    facts = {"people": fell}
    return _write("package.changed", promotion, f":{digest}", clock.now(), facts)


def _write(
    kind: str, promotion: Promotion, which: str, at, facts: dict, *, silent: bool = False
) -> bool:
    """Write one notice unless it was written; whether it was new."""
    _, new = Notice.objects.get_or_create(
        once=f"{kind}:{promotion.pk}{which}",
        defaults={
            "kind": kind,
            "promotion": promotion,
            "facts": facts,
            "created_at": at,
            "told_at": clock.now() if silent else None,
        },
    )
    return new


def _chunks(rows: QuerySet) -> Iterator[QuerySet]:
    """Yield the rows in chunks by key: no query stays open across work."""
    last = 0
    while pks := list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:CHUNK]):
        yield Promotion.objects.filter(pk__in=pks)
        last = pks[-1]
