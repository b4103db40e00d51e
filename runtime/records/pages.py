"""Two pages of what ran: the list of records, and one request with all that explains it."""

from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Q
from django.http import Http404
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from audit import clock
from registry.menus import menu
from registry.models import Environment, UseCase
from registry.policy.clauses import kind_of
from registry.rights import may
from runtime.explaining import POLICY_TITLE, TITLES
from runtime.incidents.links import incidents_of, open_link
from runtime.records import finding
from runtime.records.fields import ID
from runtime.records.investigating import investigate
from runtime.records.judging import DOUBTS
from runtime.routing import instant


def _answer(request, template: str, context: dict, status: int = 200):
    request.current_app = admin.site.name
    context = {**admin.site.each_context(request), "now": clock.now(), **context}
    return TemplateResponse(request, template, context, status=status)


@require_safe
def listing(request):
    """What ran, newest first: a page of records, by the filters of the address."""
    given, user = request.GET, request.user
    if name := given.get("id", "").strip():
        if ID.fullmatch(name):
            return redirect("admin:request", name)
        raise Http404
    filters, reasons = finding.read(given)
    rows, following = [], ""
    if not reasons:
        found = finding.matching(filters, user)
        rows, following, reasons = finding.page_of(found, given.get("after", "").strip())
    kept = {name: given[name] for name in finding.NAMES if given.get(name)}
    context = {
        "title": "Requests",
        "given": given,
        "menus": [
            menu(name, label, noun.objects.visible_to(user), given.get(name, ""), optional=True)
            for name, label, noun in (
                ("environment", "Environment", Environment),
                ("use_case", "Use case", UseCase),
            )
        ],
        "statuses": finding.EVERY_STATUS,
        "reasons": reasons,
        "rows": [{**finding.said_of(row), "doubt": DOUBTS.get(row.unverified)} for row in rows],
        "filtered": bool(kept),
        "gaps": finding.gaps_of(rows),
        "next_url": f"?{urlencode({**kept, 'after': following})}" if following else "",
    }
    return _answer(request, "runtime/requests.html", context, 400 if reasons else 200)


@require_safe
def one(request, name):
    """One request, found by its own id or that of its trace or conversation."""
    found = investigate(name, request.user)
    if found is None:
        raise Http404
    for attempt in found["attempts"]:
        for clause in (attempt["policy"] or {"clauses": ()})["clauses"]:
            kind = kind_of(clause["clause"])
            clause["words"] = kind.words(clause["value"]) if kind else clause["value"]
        _read_instants(attempt)
        answer = attempt["replay"]["answer"]
        for refused in answer["candidates"]["refused"] if answer else ():
            for reason in refused["reasons"]:
                reason["title"] = TITLES.get(reason["code"], POLICY_TITLE)
    said = [one for attempt in found["attempts"] for one in attempt["discrepancies"]]
    context = {
        "title": f"Request {name}"
        if len(found["requests"]) == 1
        else f"{found['found_by'].capitalize()} {name}",
        "found": found,
        # What else the router lost says nothing against this request.
        "wrong": [one for one in said if one["code"] != "GAPS"],
        "gaps": [one for one in said if one["code"] == "GAPS"][:1],
        "agrees": all(one["replay"]["status"] == "agrees" for one in found["attempts"]),
        "api_url": reverse("request", args=[name]),
        "incidents": incidents_of(
            request.user, Q(links__request__in=[one["request"] for one in found["requests"]])
        ),
        "incident_url": _incident_url(found, request.user),
    }
    return _answer(request, "runtime/request.html", context)


def _incident_url(found: dict, user) -> str:
    """Return where an incident about a request is opened; empty for whoever may not."""
    if len(found["requests"]) != 1 or may(user, "open_incident"):
        return ""
    one, attempt = found["requests"][0], found["attempts"][0]
    served = attempt["served"]
    return open_link(
        request_id=one["request"],
        use_case=one["use_case"],
        environment=one["environment"],
        release=served["release"]["digest"] if served else "",
    )


def _read_instants(attempt: dict) -> None:
    """Put instants in place of the texts that tools read, so that the page writes them its way."""
    let_in, since = attempt["let_in"], attempt["since"]
    parts = [attempt["published"], *let_in["approvals"], *let_in["break_glasses"]]
    parts += [row for one in let_in["approvals"] for row in one["signed"]]
    parts += since["generations"] if since else []
    for part in filter(None, parts):
        for name in ("since", "approved_at", "until", "at"):
            if isinstance(part.get(name), str):
                part[name] = instant(part[name])
