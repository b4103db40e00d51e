"""The policy in force: for a use case in an environment, now or at a past instant.

Packs are few, so all that are in force are read at once; which of them bind a place is judged in
memory. Asking for many places costs what asking for one does.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from audit import clock
from audit.models import Change
from registry.models import Environment, PolicyPack, PolicyVersion, UseCase
from registry.past import known_after
from registry.policy import Effective, Pack, effective_of

Layer = PolicyPack.Layer


@dataclass(frozen=True)
class Published:
    """A published version with what it binds, as its sealed document says."""

    version: PolicyVersion
    document: dict
    #: The number of the version that took its place; None while it is in force.
    replaced_by: int | None = None

    @cached_property
    def pack(self) -> Pack:
        """The version as the merge sees it."""
        return Pack(
            slug=self.document["pack"],
            number=self.document["number"],
            layer=self.document["layer"],
            digest=self.version.digest,
            clauses=self.document["clauses"],
        )

    def why_not(self, use_case: str, environment: str, jurisdiction: str) -> str:
        """Return why it does not bind a use case in an environment; empty if it does."""
        if self.replaced_by is not None:
            return f"It was replaced by v{self.replaced_by}."
        layer = self.document["layer"]
        if layer == Layer.JURISDICTION and self.document["jurisdiction"] != jurisdiction:
            where = f"{environment} lies in {jurisdiction or 'no jurisdiction'}"
            return f"{where}, not in {self.document['jurisdiction']}."
        if layer in (Layer.DOMAIN, Layer.USE_CASE) and use_case not in self.document["use_cases"]:
            return f"It does not bind {use_case}."
        return ""


@dataclass(frozen=True)
class InForce:
    """Every pack's newest version as published by an instant."""

    published: tuple[Published, ...]
    #: (use case, jurisdiction) -> policy, once it was merged: a list asks for few places often.
    _merged: dict[tuple[str, str], Effective] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def of(self, use_case: str, jurisdiction: str) -> Effective:
        """Return the effective policy for a use case's slug in a jurisdiction."""
        place = use_case, jurisdiction
        if place not in self._merged:
            bind = [one for one in self.published if not one.why_not(use_case, "", jurisdiction)]
            self._merged[place] = effective_of(one.pack for one in bind)
        return self._merged[place]

    def with_draft(self, draft: Published) -> "InForce":
        """Return what would be in force if `draft` were published too."""
        others = [one for one in self.published if one.pack.slug != draft.pack.slug]
        return InForce((*others, draft))


def number_at(at: datetime) -> int:
    """Return the number of the last change at or before `at`; 0 before the first."""
    return (
        Change.objects.filter(at__lte=at).order_by("-at").values_list("number", flat=True).first()
        or 0
    )


def number_for(at: datetime | None) -> int | None:
    """Return the number of the last change to look at for an instant; None is "all, as it is"."""
    return None if at is None or at >= clock.now() else number_at(at)


def in_force(number: int | None = None) -> InForce:
    """Return the policy in force after change `number`, or now; one query."""
    return InForce(tuple(one for one in history(number) if one.replaced_by is None))


def history(number: int | None = None) -> list[Published]:
    """Return every version published by then, each with what took its place; one query."""
    rows = PolicyVersion.objects.filter(published_at__isnull=False).order_by("pack", "-number")
    if number is not None:
        rows = known_after(rows, number)
    found, later = [], {}
    for version in rows:
        found.append(Published(version, json.loads(version.content), later.get(version.pack_id)))
        later[version.pack_id] = version.number
    return found


def jurisdiction_of(environment: Environment, number: int | None = None) -> str:
    """Return an environment's jurisdiction after change `number`, or now."""
    if number is None:
        return environment.jurisdiction
    rows = Environment.history.filter(id=environment.pk, change__number__lte=number)
    newest = rows.order_by("-change__number", "-history_id")
    return newest.values_list("jurisdiction", flat=True).first() or ""


def effective_policy(
    use_case: UseCase, environment: Environment, at: datetime | None = None
) -> Effective:
    """Return the merged policy for a use case in an environment, now or at a past instant.

    One query now, three for the past, whatever the number of packs and clauses.
    """
    number = number_for(at)
    return in_force(number).of(use_case.slug, jurisdiction_of(environment, number))
