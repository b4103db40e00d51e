"""What runs, on an environment's page: its generation, its deployments, and the way back."""

from django.template.loader import render_to_string

from audit import clock
from gates.approvals import approvals
from gates.endings import active
from gates.models import Promotion
from registry.models import Environment
from registry.rights import may
from runtime import explaining
from runtime.models import Activation, Deployment, Rollback, Suspension
from runtime.routing import instant

#: Rows of one panel, and rollbacks in it.
SHOWN, ROLLBACKS = 20, 5


def of_environment(request, environment: Environment) -> str:
    """Return what is active here, what could be activated, and the newest generations."""
    found = explaining.active(environment, request.user)
    if found is None:
        return ""
    placed = _placed(request, environment)
    context = {
        "environment": environment,
        "active": found,
        "running": [
            {
                **one,
                "until": instant(one["not_after"]) if one["not_after"] else None,
                "row": placed.get((one["release"]["digest"], one["endpoint"])),
            }
            for one in found["deployments"]
        ],
        "waiting": _waiting(request, environment, placed),
        "suspensions": _suspensions(request, environment),
        "generations": explaining.generations(environment, SHOWN),
        "may_operate": not may(request.user, "operate"),
        "generation_words": f"Generation {found['generation']} active",
        "since": instant(found["since"]),
        "rollbacks": _rollbacks(environment),
    }
    return render_to_string("runtime/_environment_panel.html", context, request)


def _placed(request, environment: Environment) -> dict[tuple[str, str], Deployment]:
    rows = Deployment.objects.visible_to(request.user).filter(
        environment=environment, removed_at=None
    )
    return {
        (one.release.digest, one.endpoint.slug): one
        for one in rows.select_related("release__use_case__team", "endpoint")
    }


def _waiting(request, environment: Environment, placed: dict) -> list[dict]:
    """Return approved releases that are offered at none of their covered endpoints."""
    keys = active(request.user).filter(environment=environment).order_by("-pk")
    rows = Promotion.objects.filter(pk__in=list(keys.values_list("pk", flat=True)[: SHOWN * 5]))
    offered = {digest for digest, _ in placed}
    found: dict[int, dict] = {}
    for one in approvals(rows.select_related("release__use_case__team")):
        release = one.promotion.release
        if one.holds and one.covered and release.digest not in offered:
            found[release.pk] = {
                "release": release,
                "until": one.until,
                "off": may(request.user, "operate", release),
            }
    return sorted(found.values(), key=lambda row: str(row["release"]))


def _suspensions(request, environment: Environment) -> list[Suspension]:
    """Return the standing suspensions that reach here, of what the reader may see."""
    rows = Suspension.objects.visible_to(request.user).filter(lifted_at=None)
    rows = rows.select_related(
        "environment",
        "release__use_case",
        "version__model",
        "endpoint",
        "provider",
        "suspended_by",
    ).order_by("-pk")
    here = [one for one in rows[: SHOWN * 5] if one.environment_id in (None, environment.pk)]
    seen = {
        model: set(
            model.objects.visible_to(request.user)
            .filter(pk__in=[one.subject.pk for one in here if isinstance(one.subject, model)])
            .values_list("pk", flat=True)
        )
        for model in {type(one.subject) for one in here}
    }
    return [one for one in here if one.subject.pk in seen[type(one.subject)]]


def _rollbacks(environment: Environment) -> list[dict]:
    """Return the newest rollbacks, with the generation that each became and how its review is."""
    rows = Rollback.objects.filter(environment=environment).order_by("-pk")
    shown = list(rows.select_related("rolled_back_by", "review")[:ROLLBACKS])
    became = dict(
        Activation.objects.filter(change__in=[one.change_id for one in shown]).values_list(
            "change", "generation"
        )
    )
    now = clock.now()
    return [
        {
            "row": one,
            "generation": became.get(one.change_id),
            "reviewed": not one.emergency or hasattr(one, "review"),
            "late": one.emergency and not hasattr(one, "review") and one.review_due < now,
        }
        for one in shown
    ]


def offered(releases: set[int]) -> set[tuple[int, int, str]]:
    """Return (release, environment, endpoint's slug) of what is deployed of those releases."""
    rows = Deployment.objects.filter(release__in=releases, removed_at=None)
    return set(rows.values_list("release_id", "environment_id", "endpoint__slug"))
