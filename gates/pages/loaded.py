"""All that the review page is made of, read once."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from audit import clock
from audit.naming import seen_keys
from evidence.models import EvidenceItem
from gates.approvals import Approval, approvals
from gates.models import Assignment, PackagePerson, Promotion
from gates.packages import Live, live
from gates.pages.timeline import Timeline, timeline
from gates.review import person_facts, review_facts, sign_offs
from gates.rules import Finding, PersonFacts, ReviewFacts, Slot, in_the_way
from registry import lifecycle
from registry.models import ModelVersion, Person, RoleGrant, ServingEndpoint
from registry.rights import may
from registry.standing import Named

#: What the page names of a promotion, in the promotion's own query.
WITH = (
    "release__use_case__team",
    "release__model_version__model",
    "environment",
    "requested_by",
    "decided_package",
    "change",
)

NOBODY = PersonFacts(id=0, roles=frozenset(), is_person=False)


@dataclass
class Loaded:
    """A promotion with its package as it is now, its signatures, and who looks at it."""

    promotion: Promotion
    #: Nobody in particular, for words that are the same for everybody.
    user: Person | None
    now: datetime
    package: Live
    signed: list[PackagePerson]
    review: ReviewFacts
    person: PersonFacts
    approval: Approval | None
    #: Whether it is filed: on paper nobody is "you".
    printing: bool = False

    @property
    def in_the_way(self) -> list[Finding]:
        """The findings that stand in the way, worst first."""
        return in_the_way(self.package.findings)

    @cached_property
    def document(self) -> dict[str, Any]:
        """The package on show: the one that was decided, or else the live one."""
        decided = self.promotion.decided_package
        return json.loads(decided.content) if decided else self.package.document

    @property
    def digest(self) -> str:
        """The digest of the package on show."""
        decided = self.promotion.decided_package
        return decided.digest if decided else self.package.digest

    @property
    def slots(self) -> list[Slot]:
        """The sign-off slots of the package on show."""
        texts = (slot.rpartition(":") for slot in self.document["gate"]["slots"])
        return [Slot(role, int(place)) for role, _, place in texts]

    @cached_property
    def eligible(self) -> dict[str, list[Person]]:
        """By role of a slot: who may sign in it, for all that is known without asking again."""
        team = self.promotion.release.use_case.team_id
        out = set(self.package.involved)
        if self.promotion.state == Promotion.State.IN_REVIEW:
            out |= {one.person_id for one in self.signed if one.package_digest == self.digest}
        grants = (
            RoleGrant.objects.in_force()
            .filter(
                role__in={slot.role for slot in self.slots},
                person__is_active=True,
                person__kind=Person.Kind.PERSON,
            )
            .select_related("person")
            .order_by("person__username")
        )
        found: dict[str, list[Person]] = {}
        for grant in grants:
            if grant.team_id in (None, team) and grant.person_id not in out:
                people = found.setdefault(grant.role, [])
                if grant.person not in people:
                    people.append(grant.person)
        return found

    @cached_property
    def assigned(self) -> dict[str, Assignment]:
        """What somebody is asked to mend, by the finding's gate and code."""
        rows = self.promotion.assignments.filter(done_at=None, withdrawn_at=None)
        return {row.finding: row for row in rows.select_related("assignee", "assigned_by")}

    @cached_property
    def may_request(self) -> bool:
        """Whether the reader asks for promotions in this team."""
        return self.user is not None and not may(self.user, "request", self.promotion.release)

    @cached_property
    def open_threads(self) -> int:
        """How many threads of the discussion are not resolved."""
        return self.promotion.threads.filter(resolved_at=None).count()

    @cached_property
    def timeline(self) -> Timeline:
        """What happened, from the log."""
        return timeline(self.promotion)

    @cached_property
    def endpoints(self) -> list[ServingEndpoint]:
        """The endpoints asked for, as they are, with host, regions and last change."""
        links = (
            self.promotion.endpoint_links.select_related("endpoint__host", "endpoint__change")
            .prefetch_related("endpoint__region_links__region")
            .order_by("endpoint__slug")
        )
        return [link.endpoint for link in links]

    @cached_property
    def _sees_version(self) -> bool:
        version = self.promotion.release.model_version_id
        return bool(seen_keys(ModelVersion, [version], self.user))

    def sees(self, item: EvidenceItem) -> bool:
        """Whether the reader may open an item; whoever reads a promotion is told what it rests on.

        What is about the release is seen with it, what is about its model version with that.
        """
        return item.version_id is None or self._sees_version

    @cached_property
    def open_endpoints(self) -> set[int]:
        """The keys of the endpoints asked for whose pages the reader may open."""
        return seen_keys(ServingEndpoint, (one.pk for one in self.endpoints), self.user)

    @cached_property
    def resting(self) -> list[Named]:
        """What is deprecated or retired of what is asked for; an approval goes on with it."""
        asked = (("endpoints", endpoint) for endpoint in self.endpoints)
        named = [*lifecycle.named_by(self.promotion.release), *asked]
        return lifecycle.out_of_use(named, self.user)

    def you_or(self, person_id: int, name: str) -> str:
        """Return "you" for the reader, the name for anybody else."""
        return "you" if self.is_reader(person_id) else name

    def begins_with(self, person_id: int, username: str) -> str:
        """Return who a sentence begins with: "You" for the reader, a user name as it is written."""
        return "You" if self.is_reader(person_id) else username

    def is_reader(self, person_id: int) -> bool:
        """Whether that person is the one who reads."""
        return not self.printing and self.user is not None and person_id == self.user.pk

    def read_by(self, user: Person) -> "Loaded":
        """Return the same, as `user` reads it."""
        return replace(self, user=user, person=person_facts(user, self.promotion, self.package))


def load(promotion: Promotion, user: Person | None = None, *, printing: bool = False) -> Loaded:
    """Read all that the page shows; a fixed number of queries but for the lineage's length.

    Without a reader, nobody is called "you" and nobody may sign; nor is anybody in print.
    """
    package = live(promotion)
    signed = sign_offs(promotion)
    approval = None
    if promotion.state == Promotion.State.APPROVED:
        approval = approvals(Promotion.objects.filter(pk=promotion.pk))[0]
    return Loaded(
        promotion=promotion,
        user=user,
        now=clock.now(),
        package=package,
        signed=signed,
        review=review_facts(promotion, package, signed),
        person=person_facts(user, promotion, package) if user else NOBODY,
        approval=approval,
        printing=printing,
    )
