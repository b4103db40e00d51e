"""What the gates show on the pages of others: releases, environments and evidence items.

Each panel takes (request, row) and returns safe HTML; it makes the same number of queries however
many promotions there are, and shows none that the reader may not see.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max, Q
from django.template.loader import render_to_string
from django.urls import reverse

from audit import Reason
from audit.naming import conceal
from evidence.models import EvidenceItem
from gates import emergencies
from gates.approvals import Approval, approvals
from gates.endings import SOONEST, active
from gates.models import (
    Condition,
    ConditionClosing,
    Package,
    PackageEvidence,
    PackagePerson,
    Promotion,
)
from gates.pages import words
from gates.queue import WITH, stand
from gates.rules.conditions import state
from gates.rules.findings import day
from registry.models import Environment, Release
from registry.rights import may

#: Rows of one panel; what is more is reached through the list.
SHOWN = 20


@dataclass(frozen=True)
class Allowed:
    """One release that may run in one environment, or why it may not."""

    title: str
    url: str
    state: str
    word: str
    sentence: str
    note: str = ""
    until: datetime | None = None


def _list_url(**filters) -> str:
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    return f"{reverse('admin:gates_promotion_changelist')}?{query}"


def ask_button(request, release: Release) -> list[dict]:
    """Return the button that asks for a promotion, with the reasons why it is off."""
    off = list(may(request.user, "request", release))
    if release.sealed_at is None:
        off.append(
            Reason("NOT_SEALED", "The release is a draft and may still change. Seal it first.")
        )
    return [
        {
            "name": "ask",
            "label": "Ask for a promotion…",
            "url": f"{reverse('admin:promotion_ask')}?release={release.pk}",
            "primary": not off,
            "objections": off,
        }
    ]


# A release: may it run, and where was it asked for?


def of_release(request, release: Release) -> str:
    """Return whether the release may run, by environment, and its promotions."""
    rows = Promotion.objects.visible_to(request.user).filter(release=release)
    promotions = list(rows.select_related(*WITH).order_by("-pk")[: SHOWN + 1])
    if not promotions and release.sealed_at is None:
        return ""
    standing = stand(promotions[:SHOWN], request.user)
    context = {
        "release": release,
        "answers": _with_break_glass(_answers(rows, release), request.user, release),
        "promotions": list(standing.values()),
        "more_url": _list_url(release__id__exact=release.pk) if len(promotions) > SHOWN else "",
    }
    return render_to_string("gates/_release_panel.html", context, request)


def _answers(rows, release: Release) -> list[Allowed]:
    """Return one answer per environment that the release was asked for in.

    The same rule decides as for deployment tools: any approval that holds allows.
    """
    gathered: dict[int, list[Approval]] = {}
    for one in approvals(rows):
        gathered.setdefault(one.promotion.environment_id, []).append(one)
    newest = {
        one.environment_id: one
        for one in rows.filter(
            pk__in=rows.order_by().values("environment").annotate(pk_=Max("pk")).values("pk_")
        ).select_related("environment")
    }
    answers = [
        _answer(environment, gathered.get(environment, []), promotion)
        for environment, promotion in newest.items()
    ]
    return sorted(answers, key=lambda one: one.title)


def _with_break_glass(answers: list[Allowed], user, release: Release) -> list[Allowed]:
    """Say yes where break-glass alone lets the release in, as deployment tools are told."""
    allowed = {one.title for one in answers if one.state == "allowed"}
    found = {one.title: one for one in answers}
    for one in emergencies.holding(user, release=release):
        where = one.row.environment.slug
        if where not in allowed:
            found[where] = Allowed(
                title=where,
                url=one.row.get_absolute_url(),
                state="break_glass",
                word="",
                sentence=f"Until {day(one.until)} at {one.until:%H:%M} UTC, for incident "
                f"{one.row.incident}; nobody but {one.row.printed_name} signed.",
                note=_at(set(one.facts.covered)),
            )
    return [found[title] for title in sorted(found)]


def _answer(environment: int, gathered: list[Approval], newest: Promotion) -> Allowed:
    holding = [one for one in gathered if one.holds]
    where = newest.environment
    if holding:
        last = max(holding, key=lambda one: (one.until, one.promotion.pk))
        return Allowed(
            title=where.slug,
            url=last.promotion.get_absolute_url(),
            state="allowed",
            word="",
            sentence=f"Until {day(last.until)}, by promotion {last.promotion.pk}. "
            f"First to end it: {last.ends[0].coming}",
            note=_at({slug for one in holding for slug in one.covered}),
        )
    if newest.state == Promotion.State.APPROVED and gathered:
        last = max(gathered, key=lambda one: one.until)
        sentence = (
            f"The approval by promotion {last.promotion.pk} ended on {day(last.until)}: "
            f"{last.ends[0].sentence}"
        )
    else:
        sentence = f"Promotion {newest.pk}: {newest.get_state_display()}."
    return Allowed(where.slug, newest.get_absolute_url(), "refused", "", sentence)


def _at(slugs: set[str]) -> str:
    return f"at {words.listed(sorted(slugs))}"


# An environment: what is allowed here now?


def of_environment(request, environment: Environment) -> str:
    """Return what may run here now: release, model version, until when, and what ends it."""
    rows = active(request.user).filter(environment=environment)
    pks = list(rows.order_by(*SOONEST).values_list("pk", flat=True)[: SHOWN * 5])
    best: dict[int, Approval] = {}
    covered: dict[int, set[str]] = {}
    for one in approvals(
        Promotion.objects.filter(pk__in=pks).select_related(
            "release__use_case", "release__model_version__model", "requested_by"
        )
    ):
        if one.holds:
            kept = best.get(one.promotion.release_id)
            covered.setdefault(one.promotion.release_id, set()).update(one.covered)
            if kept is None or one.until > kept.until:
                best[one.promotion.release_id] = one
    signed = _signed_by(best.values())
    # Last: from here on the releases are only shown.
    conceal((one.promotion.release for one in best.values()), request.user, "model_version")
    context = {
        "environment": environment,
        "allowed": [
            _allowed(one, covered[one.promotion.release_id], signed.get(one.promotion.pk, []))
            for one in sorted(best.values(), key=lambda one: one.until)
        ],
        "list_url": _list_url(environment__id__exact=environment.pk),
    }
    return render_to_string("gates/_environment_panel.html", context, request)


def _signed_by(held: Iterable[Approval]) -> dict[int, list[str]]:
    """Return, by promotion, who signed the package it was decided on, with their roles."""
    packages = [one.promotion.decided_package_id for one in held]
    rows = PackagePerson.objects.filter(
        package__in=packages, verdict__in=PackagePerson.APPROVALS
    ).order_by("pk")
    found: dict[int, list[str]] = {}
    for row in rows:
        found.setdefault(row.promotion_id, []).append(f"{row.printed_name}, {words.role(row.role)}")
    return found


def _allowed(approval: Approval, covered: set[str], signed: list[str]) -> dict:
    release = approval.promotion.release
    return {
        "release": release,
        "use_case": release.use_case,
        "version": release.model_version,
        "promotion": approval.promotion,
        "endpoints": sorted(covered),
        "signed": signed,
        "asked_by": approval.promotion.requested_by.username,
        "waivers": len(approval.facts.waived),
        "conditions": sum(
            1 for one in approval.facts.conditions if state(one, approval.at) == "open"
        ),
        "until": approval.until,
        "because": approval.coming,
        "expiring": approval.expiring,
    }


# An evidence item: what rests on it?


def of_evidence(request, item: EvidenceItem) -> str:
    """Return the approvals and reviews that rest on an item, or nothing if none does.

    Those that the reader may not see are counted.
    """
    edges = PackageEvidence.objects.filter(item=item).values("package")
    visible = Promotion.objects.visible_to(request.user)
    resting = Q(decided_package__in=edges, state=Promotion.State.APPROVED)
    approved = list(
        visible.filter(resting).order_by("-pk").values_list("pk", flat=True)[: SHOWN + 1]
    )
    newest = Package.objects.values("promotion").annotate(pk_=Max("pk")).values("pk_")
    reviewed = Q(
        state=Promotion.State.IN_REVIEW,
        pk__in=Package.objects.filter(pk__in=edges, promotion__state=Promotion.State.IN_REVIEW)
        .filter(pk__in=newest)
        .values("promotion"),
    )
    reviews = visible.filter(reviewed).select_related(*WITH)
    closed = Q(
        state=Promotion.State.APPROVED,
        decided_package__in=ConditionClosing.objects.filter(item=item).values(
            "condition__sign_off__package"
        ),
    )
    hidden = (
        Promotion.objects.filter(resting | reviewed | closed)
        .exclude(pk__in=visible.order_by().values("pk"))
        .count()
    )
    closings = ConditionClosing.objects.filter(
        item=item, condition__promotion__in=visible.filter(closed)
    ).select_related(*(f"condition__promotion__{path}" for path in WITH))
    rows = [
        *(_rests(one) for one in approvals(_with(approved[:SHOWN]))),
        *(_reviewed(one) for one in reviews.order_by("-pk")[:SHOWN]),
        *(_closed(one.condition, item) for one in closings.order_by("-pk")[:SHOWN]),
    ]
    if not rows and not hidden:
        return ""
    shown = {"rows": rows, "more": len(approved) > SHOWN, "hidden": hidden}
    return render_to_string("gates/_evidence_panel.html", shown, request)


def _with(pks: list[int]):
    return Promotion.objects.filter(pk__in=pks).select_related("release__use_case", "environment")


def _rests(approval: Approval) -> Allowed:
    first = approval.ends[0]
    return Allowed(
        title=words.short(approval.promotion),
        url=approval.promotion.get_absolute_url(),
        state="approved" if approval.holds else "ended",
        word="" if approval.holds else "Approval ended",
        sentence=f"Approved until {day(first.at)}; it ends when this is withdrawn."
        if approval.holds
        else f"Ended on {day(first.at)}: {first.sentence}",
        note=f"promotion {approval.promotion.pk}",
    )


def _closed(condition: Condition, item: EvidenceItem) -> Allowed:
    promotion = condition.promotion
    gone = hasattr(item, "withdrawal")
    return Allowed(
        title=f"The condition “{condition.text[:120]}”",
        url=condition.get_absolute_url(),
        state="open" if gone else "closed",
        word="Closes it no more" if gone else "",
        sentence=f"Of {words.short(promotion)}. "
        + (
            "It was closed by this, which was withdrawn."
            if gone
            else "It is closed by this; without it the condition is open again, or overdue."
        ),
        note=f"promotion {promotion.pk}",
    )


def _reviewed(promotion: Promotion) -> Allowed:
    return Allowed(
        title=words.short(promotion),
        url=promotion.get_absolute_url(),
        state="in_review",
        word="",
        sentence="It is in review and rests on this; without it a finding stands in the way.",
        note=f"promotion {promotion.pk}",
    )
