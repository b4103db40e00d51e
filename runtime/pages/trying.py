"""Trying a route: facts at one side, the answer with every reason at the other."""

import json
from itertools import groupby
from urllib.parse import urlencode

from django.contrib import admin
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from audit import clock
from registry.effective import number_for
from registry.menus import menu
from registry.models import Environment, UseCase
from registry.policy.clauses import kind_of
from registry.rights import may
from runtime import explaining, routing
from runtime.asking import PARAMETERS, UNHEALTHY, read_facts, read_past
from runtime.keeping import Kept, kept_for, written
from runtime.publishing import current

#: The groups of refusals in the order they are read: policy before what can be mended by asking.
ORDER = (
    *(code for code in routing.HARD if code not in ("SUSPENDED", "APPROVAL_ENDED")),
    "SUSPENDED",
    "APPROVAL_ENDED",
    *routing.CAPABILITY,
    *routing.SOFT,
)


@require_safe
def page(request):
    """Ask where a request would go, now or then; nothing is called."""
    given = request.GET
    use_cases = UseCase.objects.visible_to(request.user)
    environments = Environment.objects.visible_to(request.user)
    context = {
        **admin.site.each_context(request),
        "title": "Try a route",
        "given": given,
        "menus": [
            menu("use_case", "Use case", use_cases, given.get("use_case", "")),
            menu("environment", "Environment", environments, given.get("environment", "")),
        ],
        "classifications": routing.CLASSIFICATIONS,
    }
    status = 200
    if given.get("use_case") and given.get("environment"):
        facts, reasons = read_facts(given, given["use_case"])
        at, problems = read_past(given.get("at", ""), clock.now())
        reasons += problems
        if reasons:
            status, context["problems"] = 400, reasons
        else:
            use_case = get_object_or_404(use_cases, slug=given["use_case"])
            environment = get_object_or_404(environments, slug=given["environment"])
            context |= _answered(request, use_case, environment, facts, at)
    request.current_app = admin.site.name
    return TemplateResponse(request, "runtime/try.html", context, status=status)


def _answered(request, use_case, environment, facts, at) -> dict:
    given = request.GET
    answer = explaining.explain(use_case, environment, facts, request.user, at)
    if answer is None:
        raise Http404
    first = [answer["selected"]] if answer["selected"] else []
    query = given.copy()
    for name in set(given) - PARAMETERS:
        del query[name]
    off = may(request.user, "operate", use_case)
    kept = urlencode({"use_case": use_case.slug, **query.dict()})
    return {
        "keep_url": "" if off else f"{reverse('admin:facts_keep')}?{kept}",
        "may_keep": not off,
        "kept": _kept(use_case, environment, at),
        "codes": answer["candidates"]["hidden"]["codes"].items(),
        "title": f"Route of {use_case.slug} in {environment.slug}",
        "answer": answer,
        "environment": environment,
        "offers": [*first, *answer["fallbacks"]],
        "groups": _groups(answer["candidates"]["refused"]),
        "api_url": f"/api/v1/routes/{use_case.slug}/explain/?{query.urlencode()}",
    }


def _kept(use_case, environment, at) -> list[dict]:
    """Return the test facts that are kept of a use case, with how each fares here."""
    kept = kept_for([use_case.slug]).get(use_case.slug, ())
    activation = current(environment, number_for(at))
    if not kept or activation is None:
        return []
    document, when = json.loads(activation.snapshot.content), at or clock.now()
    rows = []
    for one in kept:
        answer = routing.decide(document, one.facts, when, generation=0, digest="")
        found = "routed" if answer["status"] == "routed" else "refused"
        offer = answer["selected"]
        rows.append(
            {
                "pk": one.pk,
                "name": one.name,
                "as_expected": found == one.expected,
                "expected": one.expected,
                "to": offer["deployment"] if offer else "",
                "url": f"?{urlencode(_asked(one, environment))}",
            }
        )
    return rows


def _asked(kept: Kept, environment) -> dict[str, str]:
    """Return the address that asks for kept facts again."""
    said = json.loads(written(kept.facts))
    asked = {"use_case": kept.use_case, "environment": environment.slug}
    if down := [name for name, up in said.pop("health", {}).items() if not up]:
        said[UNHEALTHY] = down
    for name, value in said.items():
        asked[name] = ",".join(value) if isinstance(value, list) else str(value)
    return asked


def _groups(refused: list[dict]) -> list[dict]:
    """Return the refused candidates by their gravest reason; further ones stand in their row."""
    rows = []
    for one in refused:
        first, *others = sorted(one["reasons"], key=_rank)
        rows.append({"deployment": one["deployment"], "first": first, "others": others})
    rows.sort(key=lambda row: (_rank(row["first"]), row["deployment"]))
    return [
        {
            "reason": (of_group := list(group))[0]["first"],
            "title": explaining.TITLES.get(code, explaining.POLICY_TITLE),
            "words": _words(of_group[0]["first"]),
            "rows": of_group,
            "quiet": code in (*routing.CAPABILITY, *routing.SOFT),
        }
        for (code, _), group in groupby(
            rows, key=lambda row: (row["first"]["code"], row["first"]["clause"] or "")
        )
    ]


def _words(reason: dict) -> str:
    """Return the clause's value as people read it."""
    kind = kind_of(reason["clause"]) if reason["clause"] else None
    return kind.words(reason["value"]) if kind and reason["value"] is not None else ""


def _rank(reason: dict) -> tuple[int, str]:
    code = reason["code"]
    place = ORDER.index(code) if code in ORDER else len(routing.HARD) - 3
    return place, reason["clause"] or ""
