"""By what people show who they are, besides their password. Not governed: secrets and moments."""

import uuid

from django.db import models
from django.db.models import F, Q

from registry.models.people import Person


class SecondFactor(models.Model):
    """What an authenticator app shares with us: codes of six digits that change every 30 seconds.

    Like a password, the secret stands outside digests and log; that it was set up or taken away,
    by whom and why, is in the log.
    """

    person = models.OneToOneField(
        Person, models.PROTECT, primary_key=True, related_name="second_factor"
    )
    #: Encrypted; see `audit.encryption`.
    secret = models.TextField()
    since = models.DateTimeField()
    #: The step of 30 seconds whose code was taken last: no code of it or before is taken again.
    last_step = models.BigIntegerField()

    class Meta:
        default_permissions = ()

    def __str__(self):
        return f"of {self.person_id}"


class FreshSignIn(models.Model):
    """One sign-in at the identity provider, made for one purpose in one session, and used once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, models.PROTECT, related_name="+")
    #: SHA-256 of the session's key: the key itself would open the session.
    session = models.CharField(max_length=64)
    #: What it was made for: a challenge, or the page that asked.
    purpose = models.CharField(max_length=500)
    issuer = models.CharField(max_length=200)
    subject = models.CharField(max_length=255)
    #: When the provider says that the person showed who they are.
    authenticated_at = models.DateTimeField()
    made_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            # What names nothing would serve for anything.
            models.CheckConstraint(
                condition=~Q(purpose="") & ~Q(session="") & ~Q(subject=""),
                name="freshsignin_is_for_one_thing",
            ),
            # Used before it was made, it would have served for something else.
            models.CheckConstraint(
                condition=Q(used_at=None) | Q(used_at__gte=F("made_at")),
                name="freshsignin_used_afterwards",
            ),
        ]
        indexes = [
            models.Index(fields=["person", "session", "purpose"], name="freshsignin_looked_for"),
            models.Index(fields=["made_at"], name="freshsignin_swept"),
        ]

    def __str__(self):
        return f"{self.person_id} for {self.purpose}"
