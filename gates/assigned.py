"""What somebody is asked to mend and is not mended, as far as stored rows say."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from audit import clock
from evidence.models import EvidenceItem
from gates.models import Assignment, Promotion
from registry.models import Person

#: What lists name of an assignment.
WITH = (
    "promotion__release__use_case",
    "promotion__environment",
    "promotion__requested_by",
    "assigned_by",
)


def assigned_to(person: Person) -> QuerySet:
    """Return the open assignments of `person` on promotions that are not decided, oldest first.

    Where evidence mends the finding, newer evidence of that kind that did not fail is enough for
    it to wait no longer; the rest is closed by `tick`.
    """
    subject = Q(release=OuterRef("promotion__release")) | Q(
        version=OuterRef("promotion__release__model_version")
    )
    given = EvidenceItem.objects.filter(
        subject,
        kind=OuterRef("kind"),
        created_at__gt=OuterRef("assigned_at"),
        expires_at__gt=clock.now(),
        withdrawal=None,
    ).exclude(verdict=EvidenceItem.Verdict.FAIL)
    return (
        Assignment.objects.filter(
            ~Exists(given),
            assignee=person,
            done_at=None,
            withdrawn_at=None,
            promotion__state__in=Promotion.UNDECIDED,
        )
        .select_related(*WITH)
        .order_by("assigned_at", "pk")
    )
