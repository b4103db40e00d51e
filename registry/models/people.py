"""People, teams, role grants and API tokens."""

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.db import models
from django.db.models import F, Q
from django.utils.functional import cached_property
from knox.models import AbstractAuthToken
from simple_history.models import HistoricalRecords

from audit import clock
from audit.models import GovernedManager, GovernedModel, GovernedQuerySet
from registry.roles import ADMINISTER, Role


class PersonQuerySet(GovernedQuerySet):
    def visible_to(self, user):
        """Everybody's name is known to whoever has a role here; others see themselves."""
        return self if user.grants else self.filter(pk=user.pk)


class PersonManager(BaseUserManager.from_queryset(PersonQuerySet)):
    def get_by_natural_key(self, username):
        """Return the person of that user name, whatever its case."""
        return self.get(username__iexact=username)


class Person(AbstractBaseUser, GovernedModel):
    """Somebody, or a service account, that may act. Deactivated, never deleted.

    What a person may do follows from role grants alone; there are no groups, no permissions and
    no superuser.
    """

    class Kind(models.TextChoices):
        PERSON = "person", "person"
        SERVICE = "service", "service account"

    undigested = ("password",)

    last_login = None  # a sign-in is not a governed change
    username = models.CharField(
        max_length=150, unique=True, validators=[UnicodeUsernameValidator()]
    )
    name = models.CharField("printed name", max_length=200)
    email = models.EmailField(blank=True)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.PERSON)
    is_active = models.BooleanField("active", default=True)
    #: Who the person is at the identity provider, if they sign in there; see `registry.identity`.
    issuer = models.CharField("identity provider", max_length=200, blank=True, default="")
    subject = models.CharField("subject there", max_length=255, blank=True, default="")

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ("name",)

    objects = PersonManager()
    history = HistoricalRecords(excluded_fields=["password"])

    class Meta(GovernedModel.Meta):
        ordering = ("username",)
        verbose_name_plural = "people"
        constraints = [
            # Two names that differ in case only would be taken for one person on a signature.
            models.UniqueConstraint(
                models.functions.Lower("username"),
                name="person_username_any_case",
                violation_error_message="Somebody has this user name already.",
            ),
            # One account at the provider would sign for two people.
            models.UniqueConstraint(
                fields=["issuer", "subject"],
                condition=~Q(subject=""),
                name="person_subject_once",
                violation_error_message="Somebody else signs in with this subject already.",
            ),
            # A subject means nothing without who gives it; a service account signs in nowhere.
            models.CheckConstraint(
                condition=Q(issuer="", subject="")
                | (~Q(issuer="") & ~Q(subject="") & Q(kind="person")),
                name="person_subject_of_a_person",
                violation_error_message="A person has both provider and subject, or neither; a "
                "service account has neither.",
            ),
        ]

    def __str__(self):
        return self.username

    def save_base(self, *args, **kwargs):
        # A password is nobody's business but its owner's: the one write outside a change.
        if kwargs.get("update_fields") == frozenset({"password"}):
            self.skip_history_when_saving = True  # history holds what the log holds
            try:
                models.Model.save_base(self, *args, **kwargs)
            finally:
                del self.skip_history_when_saving
        else:
            super().save_base(*args, **kwargs)

    @cached_property
    def grants(self) -> tuple[tuple[str, int | None], ...]:
        """The (role, team id or None for all) pairs in force, read once per instance."""
        if not self.is_active:
            return ()
        return tuple(
            RoleGrant.objects.filter(person_id=self.pk, ended_at=None).values_list(
                "role", "team_id"
            )
        )

    @property
    def sees_all(self) -> bool:
        """Whether a grant for all teams gives sight of all teams' rows."""
        return any(team is None for _, team in self.grants)

    @property
    def team_ids(self) -> set[int]:
        """The teams that the person holds any role in."""
        return {team for _, team in self.grants if team is not None}

    def has_role(self, *roles: str, team: "Team | int | None" = None) -> bool:
        """Whether one of `roles` is held for `team`, or for all teams.

        With no team named, a grant in any team counts: the question is then "anywhere at all".
        """
        team_id = team.pk if isinstance(team, Team) else team
        return any(
            role in roles and (held is None or team_id is None or held == team_id)
            for role, held in self.grants
        )

    # Django's admin and REST framework ask these; the real answers are in `registry.roles`.

    @property
    def is_staff(self) -> bool:
        return self.is_active

    def has_perm(self, perm, obj=None) -> bool:
        return False

    def has_module_perms(self, app_label) -> bool:
        return self.is_active

    def get_short_name(self) -> str:
        return self.username


class TeamQuerySet(GovernedQuerySet):
    def visible_to(self, user):
        """A grant for all gives sight of every team, another of its own."""
        return self if user.sees_all else self.filter(pk__in=user.team_ids)


class Team(GovernedModel):
    """A group of people that owns rows and is on call for them."""

    known_by_name = True  # whoever sees a row is told who answers for it

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    contact = models.CharField(
        max_length=200,
        blank=True,
        help_text="Where the team is reached: rota, channel, address.",
    )

    objects = GovernedManager.from_queryset(TeamQuerySet)()
    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        ordering = ("slug",)

    def __str__(self):
        return self.slug


class RoleGrantQuerySet(GovernedQuerySet):
    def visible_to(self, user):
        """Administrators and auditors see the grants of the teams they hold it for, others theirs.

        A grant for all teams is seen by those who hold the role for all.
        """
        teams = {team for role, team in user.grants if role in (*ADMINISTER, Role.AUDITOR)}
        if None in teams:
            return self
        return self.filter(Q(person_id=user.pk) | Q(team__in=teams))

    def in_force(self):
        """The grants that have not ended."""
        return self.filter(ended_at=None)


class RoleGrant(GovernedModel):
    """One role for one person, in one team or in all. It ends; it is not deleted."""

    person = models.ForeignKey(Person, models.PROTECT, related_name="role_grants")
    role = models.CharField(max_length=30, choices=Role)
    team = models.ForeignKey(
        Team,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="role_grants",
        help_text="Leave empty for all teams.",
    )
    granted_by = models.ForeignKey(
        Person, models.PROTECT, null=True, editable=False, related_name="+"
    )
    granted_at = models.DateTimeField(editable=False)
    ended_by = models.ForeignKey(
        Person, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)

    sealed_by = "ended_at"
    objects = GovernedManager.from_queryset(RoleGrantQuerySet)()
    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        ordering = ("person__username", "role", "team__slug")
        constraints = [
            # The same role twice would survive being taken away once.
            models.UniqueConstraint(
                fields=["person", "role", "team"],
                condition=Q(ended_at=None),
                name="rolegrant_once_per_team",
                violation_error_message="This person has this role in this team already.",
            ),
            # NULL is distinct from NULL, so "all teams" needs its own.
            models.UniqueConstraint(
                fields=["person", "role"],
                condition=Q(ended_at=None, team=None),
                name="rolegrant_once_for_all",
                violation_error_message="This person has this role for all teams already.",
            ),
            # Nobody makes themselves a risk owner, not even through the shell.
            models.CheckConstraint(
                condition=Q(granted_by=None) | ~Q(granted_by=F("person")),
                name="rolegrant_not_to_oneself",
                violation_error_message="A role is granted by somebody else.",
            ),
            # Only the very first administrator has nobody to grant it.
            models.UniqueConstraint(
                fields=["role"],
                condition=Q(granted_by=None),
                name="rolegrant_one_bootstrap",
                violation_error_message="There is a first administrator already.",
            ),
            # Nobody but the first administrator stands without a grantor.
            models.CheckConstraint(
                condition=Q(granted_by__isnull=False) | Q(role="administrator", team=None),
                name="rolegrant_has_a_grantor",
                violation_error_message="A role is granted by somebody.",
            ),
            # An end without its author, or the other way round, is half a record.
            models.CheckConstraint(
                condition=Q(ended_at=None, ended_by=None) | Q(ended_at__isnull=False),
                name="rolegrant_end_is_dated",
            ),
        ]
        indexes = [models.Index(fields=["role", "team", "ended_at"], name="rolegrant_holders")]

    def __str__(self):
        return f"{self.person} · {self.get_role_display()} · {self.team or 'all teams'}"


class ApiTokenQuerySet(GovernedQuerySet):
    def visible_to(self, user):
        """Administrators and auditors of all teams see every token's facts, others their own."""
        if any(role in (*ADMINISTER, Role.AUDITOR) and team is None for role, team in user.grants):
            return self
        return self.filter(user_id=user.pk)


class ApiToken(AbstractAuthToken, GovernedModel):
    """A bearer token, kept as its SHA-512; the token itself is shown once.

    Scope `read` reads the API as its owner; `router` is bound to a router and so to its one
    environment, `evidence` to one team. Router tokens issued before routers were registered name
    the environment alone. Expired and revoked tokens stay on record.
    """

    class Scope(models.TextChoices):
        READ = "read", "read the API"
        ROUTER = "router", "router of one environment"
        EVIDENCE = "evidence", "give evidence for one team"

    sealed_by = "revoked_at"

    id = models.BigAutoField(primary_key=True)
    digest = models.CharField(max_length=128, unique=True, editable=False)
    token_key = models.CharField("begins with", max_length=25, db_index=True, editable=False)
    user = models.ForeignKey(
        Person, models.PROTECT, related_name="auth_token_set", verbose_name="owner"
    )
    name = models.CharField(max_length=100, help_text="Where the token is used.")
    scope = models.CharField(max_length=10, choices=Scope, default=Scope.READ)
    environment = models.ForeignKey(
        "registry.Environment",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="tokens",
    )
    router = models.ForeignKey(
        "registry.Router",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="tokens",
    )
    team = models.ForeignKey(Team, models.PROTECT, null=True, blank=True, related_name="tokens")
    created = models.DateTimeField(default=clock.now, editable=False)
    expiry = models.DateTimeField("ends at")
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = GovernedManager.from_queryset(ApiTokenQuerySet)()
    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        verbose_name = "API token"
        ordering = ("-created",)
        constraints = [
            # A router token that names no environment would read them all.
            models.CheckConstraint(
                condition=Q(scope="read", environment=None, team=None)
                | Q(scope="router", environment__isnull=False, team=None)
                | Q(scope="evidence", environment=None, team__isnull=False),
                name="apitoken_scope_is_bound",
                violation_error_message=(
                    "A router token names one environment, an evidence token one team, "
                    "a read token neither."
                ),
            ),
            # A token that reads, and is a router's besides, would report what no router holds.
            models.CheckConstraint(
                condition=Q(router=None) | Q(scope="router"),
                name="apitoken_router_routes",
                violation_error_message="Only a token of scope router is a router's.",
            ),
            # A token that never ends outlives everybody who remembers it.
            models.CheckConstraint(
                condition=Q(expiry__gt=F("created")),
                name="apitoken_expires",
                violation_error_message="A token ends after it begins.",
            ),
        ]

    def __str__(self):
        return f"{self.name} ({self.token_key}…)"

    @property
    def is_live(self) -> bool:
        """Whether the token opens anything at this moment."""
        return self.revoked_at is None and self.expiry > clock.now()


class TokenUse(models.Model):
    """When a token was last used, at minute precision. Not governed: a read writes no log."""

    token = models.OneToOneField(ApiToken, models.PROTECT, primary_key=True, related_name="use")
    last_used_at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self):
        return f"{self.token_id} at {self.last_used_at}"


class Throttle(models.Model):
    """Failures counted against one key: an account, an address, or a signer. Not governed."""

    key = models.CharField(max_length=200, primary_key=True)
    failures = models.PositiveIntegerField(default=0)
    first_at = models.DateTimeField()
    locked_until = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        verbose_name = "sign-in throttle"

    def __str__(self):
        return f"{self.key}: {self.failures}"
