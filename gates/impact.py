"""What the gates know of impact: where releases are let in or asked for, and whom policy binds."""

from collections.abc import Set

from django.db.models import Max, Model, Q, QuerySet

from evidence.models import EvidenceItem
from gates.approvals import Approval, approvals
from gates.endings import SOONEST, active
from gates.models import Package, PackageEvidence, Promotion
from registry.effective import in_force
from registry.impact import Kind, Place, Places, Reach, Way
from registry.models import PolicyPack, PolicyVersion

WITH = ("release__use_case", "environment")
#: What of a promotion makes policy bind it: that it is asked for, or let in.
JUDGED = (*Promotion.UNDECIDED, Promotion.State.APPROVED)


def let_in(
    releases: QuerySet, environments: QuerySet, reader, subject: Model | None, most: int
) -> Places:
    """Return where releases are approved now, until when, and where they are asked for.

    Any approval that holds allows; of several, the one that ends last is named, as in a decision.
    """
    of = {"release__in": releases, "environment__in": environments}
    resting = _packages_with(subject)
    rows, more = allowed(active(reader).filter(**of), most, resting)
    asked = Promotion.objects.visible_to(reader).filter(**of, state__in=Promotion.UNDECIDED)
    asked = asked.select_related(*WITH).prefetch_related("endpoint_links__endpoint")
    open_ones = list(asked.order_by("-pk")[: most + 1])
    newest = _newest_packages(open_ones) if resting else {}
    rows += [_asked(one, newest.get(one.pk) in resting) for one in open_ones[:most]]
    return Places(tuple(rows), more or len(open_ones) > most)


def allowed(
    standing: QuerySet, most: int, resting: Set[int] = frozenset(), with_: tuple[str, ...] = WITH
) -> tuple[list[Place], bool]:
    """Return the places of approvals that hold, and whether there are more than `most`.

    `standing` are approvals that nothing stored has ended, `resting` packages to be pointed out.
    """
    pks = list(standing.order_by(*SOONEST).values_list("pk", flat=True)[: most + 1])
    rows = Promotion.objects.filter(pk__in=pks[:most]).select_related(*with_)
    by_place: dict[tuple[int, int], list[Approval]] = {}
    for one in approvals(rows):
        if one.holds:
            place = one.promotion.release_id, one.promotion.environment_id
            by_place.setdefault(place, []).append(one)
    return [_place(found, resting) for found in by_place.values()], len(pks) > most


def _place(found: list[Approval], resting: Set[int]) -> Place:
    last = max(found, key=lambda one: (one.until, one.promotion.pk))
    promotion = last.promotion
    rests = [one for one in found if one.promotion.decided_package_id in resting]
    return Place(
        release=promotion.release,
        environment=promotion.environment,
        state="allowed",
        until=last.until,
        note=last.ends[0].coming,
        url=promotion.get_absolute_url(),
        endpoints=tuple(sorted({slug for one in found for slug in one.covered})),
        rests="Its approval rests on this." if rests else "",
    )


def _asked(promotion: Promotion, rests: bool) -> Place:
    return Place(
        release=promotion.release,
        environment=promotion.environment,
        state=promotion.state,
        until=None,
        note=f"Promotion {promotion.pk}: {promotion.get_state_display()}.",
        url=promotion.get_absolute_url(),
        endpoints=tuple(sorted(str(link.endpoint) for link in promotion.endpoint_links.all())),
        rests="Its package rests on this." if rests else "",
    )


def _packages_with(subject: Model | None) -> set[int]:
    """Return the packages that rest on an evidence item."""
    if not isinstance(subject, EvidenceItem):
        return set()
    return set(PackageEvidence.objects.filter(item=subject).values_list("package", flat=True))


def _newest_packages(promotions: list[Promotion]) -> dict[int, int]:
    rows = Package.objects.filter(promotion__in=promotions).values("promotion")
    return dict(rows.annotate(newest=Max("pk")).values_list("promotion", "newest"))


def of_policy(version: PolicyVersion, reader) -> Reach:
    """Return the releases that a policy version binds where they are let in or asked for."""
    published = next((one for one in in_force().published if one.version.pk == version.pk), None)
    if published is None:
        return Reach(Q(pk__in=[]), lambda releases: {}, note=_why_not(version))
    document = published.document
    environments, judged, use_cases = Q(), Q(state__in=JUDGED), Q()
    where = "everywhere"
    if document["layer"] == PolicyPack.Layer.JURISDICTION:
        environments = Q(jurisdiction=document["jurisdiction"])
        judged &= Q(environment__jurisdiction=document["jurisdiction"])
        where = f"in every environment of {document['jurisdiction']}"
    elif document["layer"] in (PolicyPack.Layer.DOMAIN, PolicyPack.Layer.USE_CASE):
        use_cases = Q(use_case__slug__in=document["use_cases"])
        where = "as one of the use cases that it names"
    way = Way(f"{version} binds it {where}.")
    return Reach(
        use_cases & Q(pk__in=Promotion.objects.filter(judged).values("release")),
        lambda releases: {one.pk: [way] for one in releases},
        environments=environments,
    )


def _why_not(version: PolicyVersion) -> str:
    if version.published_at is None:
        return "It is a draft and binds nobody. Its preview says what it would break or free."
    return "A later version took its place, so it binds nobody any more."


#: The kind that `registry.impact` is given in `AppConfig.ready()`.
KIND = Kind("policy-version", PolicyVersion, of_policy, related=("pack",))
