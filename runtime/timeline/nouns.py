"""What the log tells of that belongs on a timeline, and how each is named, found and bounded."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from evidence.models import EvaluationRun, EvidenceItem
from gates.models import BreakGlass, Condition, GateVersion, Promotion, Waiver
from registry.models import (
    ModelVersion,
    PolicyVersion,
    PromptVersion,
    Release,
    Router,
    ServingEndpoint,
)
from runtime.incidents.models import Incident
from runtime.models import Rollback, Suspension
from runtime.records.pruned import Pruning
from runtime.timeline.ranking import Reach
from runtime.timeline.scopes import Scope


@dataclass(frozen=True)
class Noun:
    """Rows of one model as a timeline tells of them."""

    model: type
    #: What is read along, so that no row costs a query.
    along: tuple[str, ...]
    name: Callable[[Any], str]
    #: Which of them a scope is about; what is visible is asked apart.
    within: Callable[[Scope], Q]
    url: Callable[[Any], str] = lambda row: ""
    #: Records that it touches by itself, beside those of the generation that followed.
    reaches: Callable[[Any], list[Reach]] = lambda row: []


def _everywhere(scope: Scope) -> Q:
    return Q()


def _by(use_case: str = "", environment: str = "", *, anywhere: bool = False):
    """Return a bound by the paths to a use case and an environment; `anywhere` allows none."""

    def within(scope: Scope) -> Q:
        found = Q()
        if environment:
            found &= Q(**{f"{environment}__in": scope.places}) | (
                Q(**{environment: None}) if anywhere else Q(pk__in=[])
            )
        if use_case and scope.use_case is not None:
            found &= Q(**{use_case: scope.use_case})
        return found

    return within


def _of_version(path: str):
    """Return a bound by the releases of a use case that a model version is part of."""

    def within(scope: Scope) -> Q:
        if scope.use_case is None:
            return Q()
        made_of = Release.objects.filter(use_case=scope.use_case)
        return Q(**{f"{path}__in": made_of.values("model_version")})

    return within


def _evidence(path: str = ""):
    def within(scope: Scope) -> Q:
        if scope.use_case is None:
            return Q()
        made_of = Release.objects.filter(use_case=scope.use_case)
        return Q(**{f"{path}release__use_case": scope.use_case}) | Q(
            **{f"{path}version__in": made_of.values("model_version")}
        )

    return within


def _policy(scope: Scope) -> Q:
    if scope.use_case is None:
        return Q()
    wide = Q(pack__layer__in=("organisation", "jurisdiction"))
    return wide | Q(use_case_links__use_case=scope.use_case)


def _prompt(scope: Scope) -> Q:
    if scope.use_case is None:
        return Q()
    return Q(release_links__release__use_case=scope.use_case)


def _suspension(scope: Scope) -> Q:
    found = Q(environment__in=scope.places) | Q(environment=None)
    if scope.use_case is None:
        return found
    made_of = Release.objects.filter(use_case=scope.use_case)
    return found & (
        Q(release__in=made_of.values("pk"))
        | Q(version__in=made_of.values("model_version"))
        | Q(endpoint__version__in=made_of.values("model_version"))
        | Q(provider__isnull=False)
    )


def _rollback(scope: Scope) -> Q:
    found = Q(environment__in=scope.places)
    if scope.use_case is None:
        return found
    return found & (Q(use_case=None) | Q(use_case=scope.use_case))


def _incident(scope: Scope) -> Q:
    found = Q(environment=None) | Q(environment__in=scope.places)
    if scope.use_case is None:
        return found
    return found & (Q(use_case=None) | Q(use_case=scope.use_case))


def _page(row) -> str:
    return row.get_absolute_url()


OF_RELEASE = ("release__use_case", "environment")

NOUNS: dict[str, Noun] = {
    "promotion": Noun(
        Promotion,
        OF_RELEASE,
        lambda row: f"{row.release} into {row.environment}",
        _by("release__use_case", "environment"),
        _page,
    ),
    "waiver": Noun(
        Waiver,
        (*OF_RELEASE, "requirement__gate_version"),
        lambda row: f"{row.code} for {row.release} in {row.environment}",
        _by("release__use_case", "environment"),
        _page,
    ),
    "break_glass": Noun(
        BreakGlass,
        OF_RELEASE,
        lambda row: f"{row.release} into {row.environment}, for {row.incident}",
        _by("release__use_case", "environment"),
        _page,
    ),
    "condition": Noun(
        Condition,
        ("promotion__release__use_case", "promotion__environment"),
        lambda row: f"“{row.text[:80]}” of {row.promotion.release}",
        _by("promotion__release__use_case", "promotion__environment"),
        _page,
    ),
    "release": Noun(
        Release,
        ("use_case",),
        str,
        _by("use_case"),
        _page,
        lambda row: [Reach(release=row.pk)],
    ),
    "version": Noun(ModelVersion, ("model",), str, _of_version("pk"), _page),
    "prompt": Noun(PromptVersion, ("template",), str, _prompt, _page),
    "endpoint": Noun(
        ServingEndpoint,
        (),
        str,
        _of_version("version"),
        lambda row: f"/registry/servingendpoint/{row.pk}/change/",
    ),
    "router": Noun(
        Router,
        ("environment",),
        lambda row: f"{row} in {row.environment}",
        _by(environment="environment"),
        lambda row: f"/registry/router/{row.pk}/change/",
    ),
    "policy": Noun(
        PolicyVersion,
        ("pack",),
        str,
        _policy,
        lambda row: f"/registry/policyversion/{row.pk}/change/",
    ),
    "gate": Noun(
        GateVersion, (), str, _everywhere, lambda row: f"/gates/gateversion/{row.pk}/change/"
    ),
    "evidence": Noun(
        EvidenceItem,
        ("release__use_case", "version__model"),
        lambda row: f"{row.title} ({row.kind}, {row.verdict}) about {row.subject}",
        _evidence(),
        _page,
    ),
    "run": Noun(
        EvaluationRun,
        ("suite_version__suite", "item"),
        lambda row: f"{row.pk} of {row.suite_version}",
        _evidence("item__"),
        lambda row: f"/evidence/evaluationrun/{row.pk}/change/",
    ),
    "suspension": Noun(
        Suspension,
        (
            "environment",
            "release__use_case",
            "version__model",
            "endpoint",
            "provider",
        ),
        lambda row: f"{row.subject}, {row.environment or 'everywhere'}",
        _suspension,
    ),
    "rollback": Noun(
        Rollback,
        ("environment", "use_case"),
        lambda row: f"{row.environment} to what generation {row.generation} offered",
        _rollback,
        _page,
    ),
    "incident": Noun(Incident, (), lambda row: f"{row.pk}: {row.title}", _incident, _page),
    "pruning": Noun(
        Pruning,
        ("environment", "use_case"),
        lambda row: (
            f"{row.count} records of {row.environment} older than {row.retention_days} days"
        ),
        _by("use_case", "environment"),
    ),
}


@dataclass(frozen=True)
class Told:
    """One event of the log: what kind of change it is, how it begins, and what it is about.

    `about` says that the entry's row is known by the row on whose timeline it stands.
    """

    kind: str
    words: str
    noun: str
    about: bool = False
    #: Whether it says more of a change than the generation that followed.
    leads: bool = False


EVENTS: dict[str, Told] = {
    "policyversion.published": Told("policy", "Policy published", "policy", leads=True),
    "gateversion.published": Told("gate", "Gate published", "gate", leads=True),
    "promotion.submitted": Told("sign-off", "Sign-off asked for", "promotion"),
    "promotion.signed_approve": Told("sign-off", "Signed, approve", "promotion", about=True),
    "promotion.signed_approve_with_conditions": Told(
        "sign-off", "Signed, with conditions", "promotion", about=True
    ),
    "promotion.signed_request_changes": Told(
        "sign-off", "Changes requested", "promotion", about=True
    ),
    "promotion.signed_reject": Told("sign-off", "Rejected", "promotion", about=True),
    "promotion.approved": Told("sign-off", "Approved", "promotion", leads=True),
    "promotion.revoked": Told("revocation", "Revoked", "promotion", about=True, leads=True),
    "evidence.given": Told("evidence", "Evidence arrived", "evidence"),
    "evidence.withdrawn": Told(
        "evidence", "Evidence withdrawn", "evidence", about=True, leads=True
    ),
    "run.given": Told("evidence", "Run arrived", "run"),
    "run.accepted": Told("evidence", "Run accepted", "run", leads=True),
    "waiver.asked": Told("waiver", "Waiver asked for", "waiver"),
    "waiver.granted": Told("waiver", "Waiver granted", "waiver", about=True, leads=True),
    "waiver.refused": Told("waiver", "Waiver refused", "waiver", about=True),
    "condition.closed": Told("condition", "Condition closed", "condition", about=True, leads=True),
    "breakglass.opened": Told("break-glass", "Glass broken", "break_glass", leads=True),
    "breakglass.ended": Told(
        "break-glass", "Break-glass ended", "break_glass", about=True, leads=True
    ),
    "release.sealed": Told("registration", "Release sealed", "release"),
    "modelversion.sealed": Told("registration", "Model version sealed", "version"),
    "promptversion.created": Told("registration", "Prompt registered", "prompt"),
    "servingendpoint.created": Told("registration", "Endpoint registered", "endpoint"),
    "servingendpoint.changed": Told("registration", "Endpoint changed", "endpoint", leads=True),
    "router.created": Told("registration", "Router registered", "router"),
    "suspension.begun": Told("suspension", "Suspended", "suspension", leads=True),
    "suspension.lifted": Told("suspension", "Suspension lifted", "suspension", leads=True),
    "rollback.done": Told("rollback", "Rolled back", "rollback", leads=True),
    "incident.opened": Told("incident", "Incident opened", "incident"),
    "incident.mitigated": Told("incident", "Incident mitigated", "incident"),
    "incident.resolved": Told("incident", "Incident resolved", "incident"),
    "records.pruned": Told("pruning", "Records pruned", "pruning"),
}
