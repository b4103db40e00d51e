"""Incidents, what hangs on them, and what was done because of them."""

from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from audit.models import GovernedManager, GovernedModel, GovernedQuerySet
from gates.models import BreakGlass, Revocation
from registry.models import Environment, Person, Release, Team, UseCase
from runtime.incidents.rules import SEVERITIES
from runtime.models import Rollback, Suspension
from runtime.records.models import NAME


class IncidentQuerySet(GovernedQuerySet):
    def visible_to(self, user):
        """A role in the team of the use case, or in the one that is on call, gives sight of it."""
        if not user.grants:
            return self.none()
        if user.sees_all:
            return self
        return self.filter(Q(use_case__team__in=user.team_ids) | Q(owner__in=user.team_ids))


class PartQuerySet(GovernedQuerySet):
    def visible_to(self, user):
        """Whoever sees an incident sees what hangs on it."""
        if user.sees_all:
            return self
        return self.filter(incident__in=Incident.objects.visible_to(user).values("pk"))


PartManager = GovernedManager.from_queryset(PartQuerySet)


class Incident(GovernedModel):
    """Something went wrong in a window of time: it is looked into, ended, and reviewed afterwards.

    Until it is reviewed, the records of its window are not pruned.
    """

    class State(models.TextChoices):
        OPEN = "open", "open"
        MITIGATED = "mitigated", "mitigated"
        RESOLVED = "resolved", "resolved"
        REVIEWED = "reviewed", "reviewed"

    sealed_by = "reviewed_at"

    title = models.CharField(max_length=200)
    severity = models.PositiveSmallIntegerField(choices=SEVERITIES)
    state = models.CharField(
        max_length=20, choices=State, default=State.OPEN, editable=False, db_index=True
    )
    use_case = models.ForeignKey(
        UseCase, models.PROTECT, null=True, blank=True, related_name="incidents"
    )
    environment = models.ForeignKey(
        Environment, models.PROTECT, null=True, blank=True, related_name="incidents"
    )
    owner = models.ForeignKey(Team, models.PROTECT, related_name="incidents_owned")
    ticket = models.CharField(max_length=500, blank=True)
    begins_at = models.DateTimeField("begins")
    #: None while it goes on.
    ends_at = models.DateTimeField("ends", null=True, blank=True)
    detected_at = models.DateTimeField("detected")
    opened_by = models.ForeignKey(Person, models.PROTECT, editable=False, related_name="+")
    opened_at = models.DateTimeField(editable=False)
    mitigated_at = models.DateTimeField(null=True, editable=False)
    resolved_at = models.DateTimeField(null=True, editable=False)
    resolved_by = models.ForeignKey(
        Person, models.PROTECT, null=True, editable=False, related_name="+"
    )
    reviewed_at = models.DateTimeField(null=True, editable=False)
    reviewed_by = models.ForeignKey(
        Person, models.PROTECT, null=True, editable=False, related_name="+"
    )
    #: What set it off, and what was learnt, as its reviewer found.
    trigger = models.TextField(blank=True, editable=False)
    learnt = models.TextField(blank=True, editable=False)

    objects = GovernedManager.from_queryset(IncidentQuerySet)()
    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        ordering = ("-pk",)
        indexes = [
            models.Index(fields=["use_case", "-id"], name="incident_use_case"),
            models.Index(fields=["environment", "-id"], name="incident_environment"),
        ]
        constraints = [
            # An incident about nothing would hold every record there is.
            models.CheckConstraint(
                condition=Q(use_case__isnull=False) | Q(environment__isnull=False),
                name="incident_of_something",
                violation_error_message="Name a use case or an environment.",
            ),
            # A window that ends before it begins holds nothing.
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gt=F("begins_at")),
                name="incident_window_in_order",
                violation_error_message="The window ends after it begins.",
            ),
            # Ended, it has an end: without one its hold would reach over all that comes.
            models.CheckConstraint(
                condition=Q(state__in=("open", "mitigated"), resolved_at=None, resolved_by=None)
                | Q(
                    state__in=("resolved", "reviewed"),
                    resolved_at__isnull=False,
                    resolved_by__isnull=False,
                    ends_at__isnull=False,
                ),
                name="incident_resolved_is_signed",
            ),
            # A review is somebody's, and says what set it off.
            models.CheckConstraint(
                condition=Q(~Q(state="reviewed"), reviewed_at=None, reviewed_by=None)
                | Q(
                    ~Q(trigger=""),
                    state="reviewed",
                    reviewed_at__isnull=False,
                    reviewed_by__isnull=False,
                ),
                name="incident_review_is_signed",
            ),
            # Nobody finds that they themselves dealt with it well.
            models.CheckConstraint(
                condition=Q(reviewed_by=None) | ~Q(reviewed_by=F("resolved_by")),
                name="incident_reviewed_by_somebody_else",
                violation_error_message="An incident is reviewed by somebody who did not resolve "
                "it.",
            ),
        ]

    def __str__(self):
        return f"incident {self.pk}"

    def get_absolute_url(self):
        return f"/incidents/{self.pk}/"

    @property
    def holds(self) -> bool:
        """Whether the records of its window are kept whatever policy says."""
        return self.state != self.State.REVIEWED


def _one_of(*names: str) -> Q:
    """Return the condition that exactly one of the columns is set."""
    found = Q()
    for name in names:
        others = {other: None for other in names if other != name}
        found |= Q(**{f"{name}__isnull": False}, **others)
    return found


#: What is done because of an incident: the column of a link, and what people call it.
ACTS = {
    "rollback": "rollback",
    "suspension": "suspension",
    "revocation": "revocation",
    "break_glass": "break-glass",
}


class IncidentLink(GovernedModel):
    """What an incident is about (releases, requests), or what was done because of it."""

    append_only = True
    about = "incident"

    incident = models.ForeignKey(Incident, models.PROTECT, related_name="links")
    release = models.ForeignKey(
        Release, models.PROTECT, null=True, blank=True, related_name="incident_links"
    )
    #: The id of a request, as its router gave it.
    request = models.CharField(max_length=NAME, null=True, blank=True, db_index=True)
    rollback = models.OneToOneField(
        Rollback, models.PROTECT, null=True, blank=True, related_name="incident_link"
    )
    suspension = models.OneToOneField(
        Suspension, models.PROTECT, null=True, blank=True, related_name="incident_link"
    )
    revocation = models.OneToOneField(
        Revocation, models.PROTECT, null=True, blank=True, related_name="incident_link"
    )
    break_glass = models.OneToOneField(
        BreakGlass, models.PROTECT, null=True, blank=True, related_name="incident_link"
    )
    linked_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    linked_at = models.DateTimeField()

    objects = PartManager()

    class Meta(GovernedModel.Meta):
        ordering = ("pk",)
        constraints = [
            # A link to nothing, or to two things, says nothing of either.
            models.CheckConstraint(
                condition=_one_of("release", "request", *ACTS), name="incidentlink_to_one_thing"
            ),
            # Linked twice, it would be counted twice.
            models.UniqueConstraint(
                fields=["incident", "release"],
                name="incidentlink_release_once",
                violation_error_message="The release is linked already.",
            ),
            models.UniqueConstraint(
                fields=["incident", "request"],
                name="incidentlink_request_once",
                violation_error_message="The request is linked already.",
            ),
        ]

    def __str__(self):
        return f"link of incident {self.incident_id}"

    @property
    def act(self) -> str:
        """Which of `ACTS` it is, or an empty text."""
        return next((name for name in ACTS if getattr(self, f"{name}_id")), "")


class IncidentNote(GovernedModel):
    """What somebody wrote down while an incident was looked into: a note, or a decision."""

    class Kind(models.TextChoices):
        NOTE = "note", "note"
        DECISION = "decision", "decision"

    append_only = True
    about = "incident"

    incident = models.ForeignKey(Incident, models.PROTECT, related_name="notes")
    kind = models.CharField(max_length=20, choices=Kind)
    text = models.TextField()
    written_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    written_at = models.DateTimeField()

    objects = PartManager()

    class Meta(GovernedModel.Meta):
        ordering = ("-pk",)
        constraints = [
            # An empty note would be a line that says nothing, for good.
            models.CheckConstraint(condition=~Q(text=""), name="incidentnote_says_something"),
        ]

    def __str__(self):
        return f"{self.kind} on incident {self.incident_id}"


class IncidentParticipant(GovernedModel):
    """Somebody who is told of an incident, because they or somebody else said so."""

    append_only = True
    about = "incident"

    incident = models.ForeignKey(Incident, models.PROTECT, related_name="participants")
    person = models.ForeignKey(Person, models.PROTECT, related_name="incidents")
    added_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    added_at = models.DateTimeField()

    objects = PartManager()

    class Meta(GovernedModel.Meta):
        ordering = ("pk",)
        constraints = [
            # Twice in the list, somebody would be told twice.
            models.UniqueConstraint(
                fields=["incident", "person"],
                name="incidentparticipant_once",
                violation_error_message="They take part already.",
            ),
        ]

    def __str__(self):
        return f"{self.person} in incident {self.incident_id}"


class FollowUp(GovernedModel):
    """What somebody does by a day so that it does not happen again."""

    sealed_by = "done_at"
    about = "incident"

    incident = models.ForeignKey(Incident, models.PROTECT, related_name="follow_ups")
    text = models.TextField()
    owner = models.ForeignKey(Person, models.PROTECT, related_name="follow_ups")
    due_on = models.DateField()
    set_by = models.ForeignKey(Person, models.PROTECT, editable=False, related_name="+")
    set_at = models.DateTimeField(editable=False)
    done_at = models.DateTimeField(null=True, editable=False)
    done_by = models.ForeignKey(Person, models.PROTECT, null=True, editable=False, related_name="+")
    #: What was done, in the words of whoever did it.
    outcome = models.TextField(blank=True, editable=False)

    objects = PartManager()
    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        ordering = ("due_on", "pk")
        indexes = [
            models.Index(
                fields=["owner", "due_on"], condition=Q(done_at=None), name="followup_open"
            ),
        ]
        constraints = [
            # What asks for nothing can never be done.
            models.CheckConstraint(condition=~Q(text=""), name="followup_asks_for_something"),
            # Done by nobody, or without a word of what, it could not be believed.
            models.CheckConstraint(
                condition=Q(done_at=None, done_by=None, outcome="")
                | Q(~Q(outcome=""), done_at__isnull=False, done_by__isnull=False),
                name="followup_done_is_signed",
            ),
        ]

    def __str__(self):
        return f"follow-up {self.pk}"

    def get_absolute_url(self):
        return f"/incidents/{self.incident_id}/#follow-up-{self.pk}"
