"""Approvals that are due for renewal, derived afresh: nothing can forget to make such a task."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet

from audit import clock
from gates.approvals import Approval, approvals
from gates.endings import ENDING, WITHIN, active, ended_keys, walk
from gates.models import GateVersion, LatestEnd, Promotion
from gates.pages import words
from gates.rules.findings import effective_gate, gates_up_to
from gates.rules.revalidation import Standing, Trigger, newest_only, triggers
from registry.effective import InForce, in_force
from registry.models import ModelVersion, Person, ServingEndpoint
from registry.rights import may
from registry.roles import Role

#: Approvals that hold, and that ended, which are looked at for one page.
CANDIDATES = 30
#: Of the reader's own approvals, the newest.
OWN = 1000
WITH = ("release__use_case__team", "release__model_version__model", "environment", "change")


@dataclass(frozen=True)
class Renewal:
    """One approval to ask for anew, and why; `renew_url` is empty for who may not ask."""

    title: str
    url: str
    holds: bool
    triggers: list[Trigger]
    renew_url: str


def due_for_renewal(user: Person) -> list[Renewal]:
    """Return what `user` asked for, or owns the risk of, that should be looked at anew.

    What is asked for anew already is not among them. The number of queries is the same for ten
    approvals as for ten thousand.
    """
    pks = _candidates(user)
    if not pks:
        return []
    held = approvals(Promotion.objects.filter(pk__in=pks).select_related(*WITH))
    ways = ((one.promotion.pk, _way(one.promotion)) for one in held)
    newest = newest_only(ways)
    since = clock.now() - WITHIN
    held = [one for one in held if one.promotion.pk in newest and one.until > since]
    named = {one.promotion.pk: json.loads(one.promotion.decided_package.content) for one in held}
    force, gates = in_force(), _gates()
    changed = _providers(held, named)
    found = []
    for one in held:
        promotion = one.promotion
        standing = _standing(one, named[promotion.pk], force, gates, changed[promotion.pk])
        if reasons := triggers(standing, one.at):
            found.append(_renewal(one, reasons, user))
    return found


def _way(promotion: Promotion) -> tuple[int, int]:
    return promotion.release_id, promotion.environment_id


def _candidates(user: Person) -> list[int]:
    """Keys of approvals that hold or ended lately: the reader's own, and those of their risk."""
    teams = {team for role, team in user.grants if role == Role.RISK_OWNER}
    asked = Promotion.objects.filter(requested_by=user, state=Promotion.State.APPROVED)
    own = list(asked.order_by("-pk").values_list("pk", flat=True)[:OWN])
    if not own and not teams:
        return []
    theirs = Q(pk__in=own) | Q(release__use_case__team__in=teams - {None})
    if None in teams:
        theirs = Q()
    followed = Promotion.objects.filter(
        state=Promotion.State.APPROVED,
        release__use_case=OuterRef("release__use_case"),
        environment=OuterRef("environment"),
        pk__gt=OuterRef("pk"),
    )
    standing = _not_asked(active(user).filter(theirs))
    ends = LatestEnd.objects.filter(ends_by__gt=clock.now()).order_by(*ENDING)
    if not teams:
        ends = ends.filter(pk__in=own)
    # What a risk owner revoked is not asked for anew by itself, nor what another followed.
    ended = Promotion.objects.filter(
        ~Exists(followed), pk__in=ended_keys(user, theirs & Q(revocation=None)).keys
    ).order_by("-decided_at", "-pk")
    keys = _not_asked(ended).values_list("pk", flat=True)[:CANDIDATES]
    return sorted({*walk(ends, standing, CANDIDATES), *keys})


def _not_asked(rows: QuerySet) -> QuerySet:
    """Leave out what somebody asks for anew already."""
    asked = Promotion.objects.filter(
        release=OuterRef("release"),
        environment=OuterRef("environment"),
        state__in=Promotion.UNDECIDED,
    )
    return rows.filter(~Exists(asked))


def _gates() -> dict[str, int]:
    """Return the number of the version in force of each gate."""
    rows = GateVersion.objects.filter(published_at__isnull=False).order_by("gate", "number")
    return dict(rows.values_list("gate", "number"))


def _providers(held: Iterable[Approval], named: dict[int, dict]) -> dict[int, tuple[str, ...]]:
    """Return, by approval, the providers of its endpoints and version that changed since."""
    slugs = {one["slug"] for document in named.values() for one in document["endpoints"]}
    hosts = {
        slug: (name, number)
        for slug, name, number in ServingEndpoint.objects.filter(slug__in=slugs).values_list(
            "slug", "host__name", "host__change__number"
        )
    }
    versions = {one.promotion.release.model_version_id for one in held}
    makers = {
        pk: (name, number)
        for pk, name, number in ModelVersion.objects.filter(pk__in=versions).values_list(
            "pk", "maker__name", "maker__change__number"
        )
    }
    found = {}
    for one in held:
        promotion = one.promotion
        theirs = [hosts.get(slug["slug"]) for slug in named[promotion.pk]["endpoints"]]
        theirs.append(makers.get(promotion.release.model_version_id))
        since = promotion.change.number
        names = {name for name, number in filter(None, theirs) if number and number > since}
        found[promotion.pk] = tuple(sorted(names))
    return found


def _standing(
    approval: Approval, named: dict, force: InForce, gates: dict[str, int], providers
) -> Standing:
    promotion, first = approval.promotion, approval.ends[0]
    use_case, environment = promotion.release.use_case, promotion.environment
    effective = effective_gate(environment.stage, use_case.risk_tier)
    return Standing(
        until=approval.until,
        first_end=first.coming if approval.holds else first.sentence,
        gates_named={one["gate"]: one["number"] for one in named["gate"]["versions"]},
        gates_now={gate: gates[gate] for gate in gates_up_to(effective) if gate in gates},
        policy_named=named["effective_policy"],
        policy_now=force.of(use_case.slug, environment.jurisdiction).digest,
        use_case_named=_kept(
            named["use_case"]["risk_tier"], named["use_case"]["data_classification"]
        ),
        use_case_now=_kept(use_case.risk_tier, use_case.data_classification),
        providers=providers,
        endpoints=tuple(slug for slug, same in approval.facts.endpoints if not same),
    )


def _kept(tier: str, data: str) -> tuple[str, str]:
    return f"{tier} risk", f"{data} data"


def _renewal(approval: Approval, reasons: list[Trigger], user: Person) -> Renewal:
    promotion = approval.promotion
    asks = not may(user, "request", promotion.release)
    return Renewal(
        title=words.short(promotion),
        url=promotion.get_absolute_url(),
        holds=approval.holds,
        triggers=reasons,
        renew_url=f"/gates/promotion/{promotion.pk}/renew/" if asks else "",
    )
