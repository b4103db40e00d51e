"""Before a version is published: what it would break or free, clause by clause."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.contrib import admin
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from audit import clock
from audit.rules import canonical
from gates.approvals import approvals
from gates.models import Promotion
from gates.policy import Asked, judged
from gates.previewing import Attempt, Followed, followed
from registry import documents
from registry.comparing import Change, differences
from registry.comparison import address, leave_unseen, row_of
from registry.effective import InForce, Published, in_force
from registry.models import PolicyVersion
from registry.policy import Breach
from registry.policy.comparing import counted
from registry.transitions.policies import draft_digest

#: Open promotions are judged as they stand; approvals only while nothing else has ended them.
OPEN = (Promotion.State.DRAFT, Promotion.State.IN_REVIEW, Promotion.State.CHANGES_REQUESTED)


@dataclass(frozen=True)
class Effect:
    """What a draft would do to one promotion: the breaches that come and those that go."""

    promotion: Promotion
    broken: tuple[Breach, ...]
    freed: tuple[Breach, ...]

    @property
    def approved(self) -> bool:
        """Whether it is an approval, not a request still open."""
        return self.promotion.state == Promotion.State.APPROVED


def effects(draft: PolicyVersion, at: datetime | None = None) -> list[Effect]:
    """Return what publishing `draft` now would change, in a fixed number of queries.

    Whoever calls decides whom to show it to: promotions of every team are among them.
    """
    at = at or clock.now()
    before = in_force()
    after = before.with_draft(_as_published(draft))
    promotions = _standing(at)
    asked = [_asked(promotion) for promotion in promotions]
    was, would = judged(asked, at, force=before), judged(asked, at, force=after)
    found = []
    for promotion in promotions:
        old, new = _by_place(was[promotion.pk]), _by_place(would[promotion.pk])
        broken = tuple(breach for place, breach in new.items() if place not in old)
        freed = tuple(breach for place, breach in old.items() if place not in new)
        if broken or freed:
            found.append(Effect(promotion, broken, freed))
    return found


def _as_published(draft: PolicyVersion) -> Published:
    """Return the draft as its sealed document would read."""
    document = documents.policy_version(draft)
    row = PolicyVersion(
        pk=draft.pk,
        pack=draft.pack,
        number=draft.number,
        digest=draft_digest(draft),
        content=canonical(document).decode(),
        published_at=clock.now(),
    )
    return Published(row, document)


def _standing(at: datetime) -> list[Promotion]:
    """Return what is open, and the approvals that a change of policy alone could end or free."""
    rows = Promotion.objects.select_related(
        "release__use_case__team", "environment", "requested_by"
    ).prefetch_related("endpoint_links__endpoint")
    approved = approvals(Promotion.objects.filter(state=Promotion.State.APPROVED), at)
    keys = [
        one.promotion.pk
        for one in approved
        if all(ending.at > at or ending.code in _codes(one) for ending in one.ends)
    ]
    open_ones = rows.filter(state__in=OPEN)
    return [*rows.filter(pk__in=keys).order_by("pk"), *open_ones.order_by("pk")]


def _codes(approval) -> set[str]:
    """Return the codes by which policy ended an approval: another policy may free it."""
    return {one.code for one in approval.facts.forbidden}


def _asked(promotion: Promotion) -> Asked:
    slugs = sorted(link.endpoint.slug for link in promotion.endpoint_links.all())
    return Asked(promotion.pk, promotion.release, promotion.environment, tuple(slugs))


def _by_place(said) -> dict[tuple[str, str], Breach]:
    return {(breach.clause, breach.endpoint): breach for breach in said.breaches}


@dataclass(frozen=True)
class Preview:
    """What publishing a draft would change, as far as one reader may see it."""

    draft: PolicyVersion
    headline: str
    effects: tuple[Effect, ...]
    hidden: int
    environments: list[dict]
    #: The version of its pack that is in force, if there is one, and what differs from that.
    now: Published | None
    changes: list[Change]
    #: Use cases bound otherwise that the reader may not see.
    use_cases_hidden: int
    #: The generations that it would have published.
    generations: list[Followed]


def previewed(draft: PolicyVersion, reader) -> Preview:
    """Return what publishing `draft` now would change, for `reader`."""
    found = effects(draft)
    visible = Promotion.objects.visible_to(reader)
    seen = set(
        visible.filter(pk__in=[one.promotion.pk for one in found]).values_list("pk", flat=True)
    )
    shown = tuple(one for one in found if one.promotion.pk in seen)
    now = _in_force(in_force(), draft)
    changes, use_cases_hidden = _differences(now, draft, reader)
    return Preview(
        draft=draft,
        headline=_headline(found),
        effects=shown,
        hidden=len(found) - len(shown),
        environments=_environments(shown),
        now=now,
        changes=changes,
        use_cases_hidden=use_cases_hidden,
        generations=followed(Attempt(force=in_force().with_draft(_as_published(draft))), reader),
    )


@require_safe
def preview(request, pk):
    """Which approvals, open promotions and environments a draft would break or free."""
    rows = PolicyVersion.objects.visible_to(request.user).select_related("pack")
    found = previewed(get_object_or_404(rows, pk=pk, published_at=None), request.user)
    context = {
        **admin.site.each_context(request),
        "title": f"What {found.draft} would change",
        "draft": found.draft,
        "headline": found.headline,
        "approvals": [one for one in found.effects if one.approved],
        "requests": [one for one in found.effects if not one.approved],
        "environments": found.environments,
        "hidden": found.hidden,
        "changes": [row_of(change) for change in found.changes],
        "use_cases_hidden": found.use_cases_hidden,
        "followed": found.generations,
        "changes_counted": counted(change.effect for change in found.changes),
        "compare_url": f"{address('policy-version', found.draft)}&a={found.now.version.pk}"
        if found.now
        else "",
    }
    request.current_app = admin.site.name
    return TemplateResponse(request, "gates/policy_preview.html", context)


def _headline(found: list[Effect]) -> str:
    broken = sum(1 for one in found if one.broken and one.approved)
    freed = sum(1 for one in found if one.freed and not one.broken and one.approved)
    waiting = sum(1 for one in found if not one.approved)
    if not found:
        return "It would break and free nothing that is approved or asked for now."
    return (
        f"It would break {_count(broken, 'approval')}, free {_count(freed, 'approval')} "
        f"and change {_count(waiting, 'open promotion')}."
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _environments(shown: Iterable[Effect]) -> list[dict]:
    """Return each environment with how many promotions there break, and whose they are."""
    found: dict[str, dict] = {}
    for one in shown:
        environment = one.promotion.environment
        row = found.setdefault(
            environment.slug,
            {"environment": environment, "broken": 0, "freed": 0, "teams": set()},
        )
        row["broken"] += bool(one.broken)
        row["freed"] += bool(one.freed and not one.broken)
        row["teams"].add(one.promotion.release.use_case.team.name)
    return [{**row, "teams": sorted(row["teams"])} for _, row in sorted(found.items())]


def _in_force(force: InForce, draft: PolicyVersion) -> Published | None:
    """Return the version of the draft's pack that is in force, if there is one."""
    return next(
        (one for one in force.published if one.version.pack_id == draft.pack_id),
        None,
    )


def _differences(now: Published | None, draft: PolicyVersion, reader) -> tuple[list[Change], int]:
    """Return what the draft says otherwise than the version in force, and how much is hidden."""
    nothing = {"clauses": {}, "use_cases": []}
    told = [now.document if now else nothing, documents.policy_version(draft)]
    before, after = ({name: one[name] for name in nothing} for one in told)
    hidden = leave_unseen(before, after, reader)
    return differences(before, after), hidden
