"""Approvals as they stood at an instant: gathered in a fixed number of queries, judged by rules."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import F, OuterRef, Q, QuerySet, Subquery

from audit import clock
from evidence.models import EvidenceItem, Score
from evidence.rules import expiry
from gates.conditions import of_packages
from gates.models import Promotion
from gates.policy import Asked, Judged, judged
from gates.rules.approvals import (
    ApprovalFacts,
    Ending,
    Exempt,
    FailingRun,
    Forbidden,
    Rest,
    add_months,
    endings,
)
from gates.rules.facts import Demand
from registry.effective import InForce, number_at
from registry.models import ServingEndpoint


@dataclass(frozen=True)
class Approval:
    """An approved promotion with what ends it, soonest first."""

    promotion: Promotion
    facts: ApprovalFacts
    ends: tuple[Ending, ...]
    at: datetime

    @property
    def holds(self) -> bool:
        """Whether nothing has ended it by the instant it was gathered for."""
        return self.ends[0].at > self.at

    @property
    def until(self) -> datetime:
        """When it ended, or will end at the latest."""
        return self.ends[0].at

    @property
    def ended_by(self) -> tuple[Ending, ...]:
        """What has ended it by the instant it was gathered for."""
        return tuple(ending for ending in self.ends if ending.at <= self.at)

    @property
    def expiring(self) -> tuple[Rest, ...]:
        """The evidence it rests on that expires soon enough to be said, soonest first."""
        soon = [
            one for one in self.facts.rests_on if one.until > self.at and expiry(one.until, self.at)
        ]
        return tuple(sorted(soon, key=lambda one: (one.until, one.title)))

    @property
    def coming(self) -> str:
        """What ends it first, as a sentence; empty where `expiring` says it."""
        first = self.ends[0]
        return "" if first.code == "EVIDENCE_ENDED" and self.expiring else first.coming

    @property
    def covered(self) -> tuple[str, ...]:
        """The approved endpoints that are still as they were approved and that policy allows."""
        return self.facts.covered


def approvals(
    promotions: QuerySet, at: datetime | None = None, *, force: InForce | None = None
) -> list[Approval]:
    """Return the approvals among `promotions` with their ends, as known at `at` (now).

    What was decided, withdrawn, accepted or changed later than `at` is not looked at. `force`
    takes the place of the packs in force, to try what a draft would do.
    """
    now = clock.now()
    at = at or now
    number = None if at >= now else number_at(at)
    if number is not None:
        promotions = promotions.filter(change__number__lte=number)
    approved = list(
        promotions.filter(state=Promotion.State.APPROVED).select_related(
            "decided_package", "release", "environment", "change", "revocation__change"
        )
    )
    if not approved:
        return []
    documents = {one.pk: json.loads(one.decided_package.content) for one in approved}
    items = _items(documents.values(), number)
    slugs = {one["slug"] for document in documents.values() for one in document["endpoints"]}
    digests = endpoint_digests(slugs, number)
    failing = _failing_runs(approved, documents, number)
    conditions = of_packages([one.decided_package_id for one in approved], number)
    policy = judged(
        (
            Asked(
                promotion.pk,
                promotion.release,
                promotion.environment,
                tuple(one["slug"] for one in documents[promotion.pk]["endpoints"]),
            )
            for promotion in approved
        ),
        at,
        number,
        force=force,
    )
    result = []
    for promotion in approved:
        document, said = documents[promotion.pk], policy[promotion.pk]
        facts = ApprovalFacts(
            promotion=promotion.pk,
            decided_at=promotion.decided_at,
            review_at=_review_at(promotion, said),
            rests_on=tuple(
                Rest(
                    title=items[one["id"]].title,
                    until=datetime.fromisoformat(one["holds_until"]),
                    withdrawn_at=items[one["id"]].ended_at,
                )
                for rest in document["rests_on"]
                for one in rest["evidence"]
            )
            + _leaned_on(said),
            waived=tuple(
                Exempt(one["requirement"], datetime.fromisoformat(one["ends_at"]))
                for one in document["waivers"]
            ),
            conditions=tuple(conditions.get(promotion.pk, ())),
            failing_runs=tuple(failing.get(promotion.pk, ())),
            endpoints=tuple(
                (one["slug"], digests.get(one["slug"]) == one["digest"])
                for one in document["endpoints"]
            ),
            forbidden=forbidden(said, promotion.decided_at, at),
            revoked=_revoked(promotion, number),
        )
        result.append(Approval(promotion, facts, tuple(endings(facts, at)), at))
    return result


def holding(promotions: QuerySet, at: datetime | None = None) -> list[Promotion]:
    """Return the promotions whose approval holds at `at` (now)."""
    return [approval.promotion for approval in approvals(promotions, at) if approval.holds]


def _review_at(promotion: Promotion, said: Judged) -> datetime:
    """Return the review date, or the earlier one that a pack asks for by now."""
    months = said.policy.value("review_months")
    if months is None:
        return promotion.review_at
    return min(promotion.review_at, add_months(promotion.decided_at, months))


def _leaned_on(said: Judged) -> tuple[Rest, ...]:
    """Evidence by which today's policy is met: when it ends, so does what it carries."""
    items = {pk for verdict in said.verdicts for pk in verdict.rests_on if not verdict.breaches}
    return tuple(Rest(said.items[pk].title, said.items[pk].expires_at) for pk in sorted(items))


def forbidden(said: Judged, began: datetime, at: datetime) -> tuple[Forbidden, ...]:
    """Return what policy forbids of what began then, and since when.

    Since its pack was published or, by packs older than that, since just now.
    """
    found = []
    for breach in said.breaches:
        published = max(said.published_at[pack] for pack in breach.packs)
        since = published if published > began else at
        found.append(Forbidden(breach.code, breach.sentence, since, breach.endpoint))
    return tuple(found)


def _revoked(promotion: Promotion, number: int | None) -> Ending | None:
    """The revocation, as far as known after change `number`."""
    row = getattr(promotion, "revocation", None)
    if row is None or (number is not None and row.change.number > number):
        return None
    sentence = f"{row.printed_name} revoked it: “{row.reason}”"
    return Ending(row.revoked_at, "REVOKED", sentence)


def _items(documents: Iterable[dict], number: int | None) -> dict[str, EvidenceItem]:
    """Evidence by id, with `ended_at`: when it was withdrawn, as far as known then."""
    pks = {
        one["id"]
        for document in documents
        for rest in document["rests_on"]
        for one in rest["evidence"]
    }
    rows = EvidenceItem.objects.filter(pk__in=pks).select_related("withdrawal__change")
    items = {}
    for row in rows:
        withdrawal = getattr(row, "withdrawal", None)
        known = withdrawal and (number is None or withdrawal.change.number <= number)
        row.ended_at = withdrawal.withdrawn_at if known else None
        items[str(row.pk)] = row
    return items


def endpoint_digests(slugs: Iterable[str], number: int | None) -> dict[str, str]:
    """Return the digest of each endpoint, now or after change `number`."""
    rows = ServingEndpoint.objects.filter(slug__in=slugs)
    if number is None:
        return dict(rows.values_list("slug", "digest"))
    then = ServingEndpoint.history.filter(id=OuterRef("pk"), change__number__lte=number)
    return dict(
        rows.annotate(
            then=Subquery(then.order_by("-change__number", "-history_id").values("digest")[:1])
        ).values_list("slug", "then")
    )


def _failing_runs(
    approved: list[Promotion], documents: dict[int, dict], number: int | None
) -> dict[int, list[FailingRun]]:
    """Newer runs, accepted since the decision, that miss a threshold it was judged by.

    A failing run that is withdrawn later ended the approval all the same: otherwise whoever gave
    it could bring the approval back.
    """
    basis_runs = {
        (pk, score["metric"]): score["run"]
        for pk, document in documents.items()
        for rest in document["rests_on"]
        for score in rest["scores"]
    }
    if not basis_runs:
        return {}
    since = min(promotion.change.number for promotion in approved)
    newer = Q(
        run__acceptance__change__number__gt=since,
        run__completeness="complete",
        filter="",
        subset="",
    )
    if number is not None:
        newer &= Q(run__acceptance__change__number__lte=number)
    subjects = Q(run__item__release__in=[one.release_id for one in approved]) | Q(
        run__item__version__in=[one.release.model_version_id for one in approved]
    )
    rows = (
        Score.objects.filter(
            Q(run__in=basis_runs.values()) | (newer & subjects),
            metric__in={metric for _, metric in basis_runs},
        )
        .select_related("run__item", "run__acceptance__change")
        .annotate(item_release=F("run__item__release"), item_version=F("run__item__version"))
    )
    rows = list(rows)
    order = {row.run_id: (row.run.ran_at, row.run_id) for row in rows}
    found: dict[int, list[FailingRun]] = {}
    for promotion in approved:
        for document_demand in documents[promotion.pk]["demands"]:
            demand = Demand(
                metric=document_demand["metric"],
                name=document_demand["name"],
                threshold=Decimal(document_demand["threshold"]),
                higher_is_better=document_demand["higher_is_better"],
            )
            basis = basis_runs.get((promotion.pk, demand.metric))
            for row in rows:
                if (
                    row.metric_id == demand.metric
                    and basis in order
                    and order[row.run_id] > order[basis]
                    and row.run.acceptance.change.number > promotion.change.number
                    and (
                        row.item_release == promotion.release_id
                        or row.item_version == promotion.release.model_version_id
                    )
                    and not demand.met_by(Decimal(row.text))
                ):
                    found.setdefault(promotion.pk, []).append(
                        FailingRun(
                            f"Run {row.run_id} has {demand.name} {row.text}, not {demand.bound}.",
                            row.run.acceptance.change.at,
                        )
                    )
    return found
