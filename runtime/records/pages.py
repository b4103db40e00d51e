"""Two pages of what ran: the list of records, and one request with all that explains it."""

import re
from datetime import UTC, timedelta
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_safe
from rest_framework.renderers import JSONRenderer

from audit import clock
from registry.menus import menu
from registry.models import Environment, Release, UseCase
from registry.policy.clauses import kind_of
from registry.rights import may
from runtime.explaining import POLICY_TITLE, TITLES
from runtime.incidents.links import incidents_of, open_link
from runtime.records import finding
from runtime.records.api import InvestigationExportSerializer, ProofSerializer
from runtime.records.charting import WORDS, chart
from runtime.records.exporting import whole
from runtime.records.fields import ID
from runtime.records.investigating import investigate
from runtime.records.judging import DOUBTS
from runtime.records.models import RequestRecord
from runtime.records.newest import page_of
from runtime.records.objectives import measured
from runtime.records.proofs import proof, proofs
from runtime.records.summing import summary
from runtime.routing import instant

#: Records of one request whose proof its page shows.
PROVEN = 20


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
        rows, following, reasons = page_of(filters, user, given.get("after", "").strip())
    kept = {name: given[name] for name in finding.NAMES if given.get(name)}
    found = summary(filters, user) if not reasons else None
    release = _release(filters, user) if not reasons else None
    context = {
        "title": "Requests",
        "summary": found,
        "chart": chart(found.bars, found.step) if found else None,
        "words": WORDS,
        "api_url": f"{reverse('requests')}?{urlencode(_for_api(kept))}",
        "release": release,
        "objectives": measured(release, user) if release else (),
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


def _release(filters: finding.Filters, user) -> Release | None:
    """Return the release that a list is narrowed to, if the reader may see it."""
    if not filters.release:
        return None
    return finding.releases(filters.release, user).select_related("use_case").first()


def _for_api(kept: dict[str, str]) -> dict[str, str]:
    return {name: value.strip() for name, value in kept.items() if value.strip()}


@require_safe
def export(request, name):
    """All that is known of one request, with the proof of each record, as a file."""
    found = investigate(name, request.user)
    if found is None:
        raise Http404
    said = InvestigationExportSerializer(whole(found, request.user)).data
    return _file(said, f"request-{name}.json")


@require_safe
def prove(request, pk):
    """The proof of one record, as a file."""
    found = proof(pk, request.user)
    if found is None:
        raise Http404
    return _file(ProofSerializer(found).data, f"proof-{pk}.json")


def _file(said: dict, name: str) -> HttpResponse:
    response = HttpResponse(
        JSONRenderer().render(said, renderer_context={"indent": 2}),
        content_type="application/json",
    )
    # What stands in addresses is plain, but for colons and at-signs, which file systems mind.
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    response["Content-Disposition"] = f'attachment; filename="{plain}"'
    response["Cache-Control"] = "no-store"
    return response


@require_safe
def one(request, name):
    """One request, found by its own id or that of its trace or conversation."""
    found = investigate(name, request.user)
    if found is None:
        raise Http404
    for place, attempt in enumerate(found["attempts"], 1):
        # Two boxes of one name are not told apart by who hears the page.
        attempt["suffix"] = f", attempt {place}" if place > 1 else ""
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
        "proofs": list(proofs(_rows(found, request.user)).values()),
        "objectives": _objectives(found, request.user),
        "incidents": incidents_of(
            request.user, Q(links__request__in=[one["request"] for one in found["requests"]])
        ),
        "incident_url": _incident_url(found, request.user),
    }
    return _answer(request, "runtime/request.html", context)


def _rows(found: dict, user) -> list[RequestRecord]:
    """Return the rows of an investigation, as many as a page proves."""
    ids = [row["id"] for row in found["records"][:PROVEN]]
    return list(RequestRecord.objects.visible_to(user).filter(pk__in=ids).order_by("id"))


def _objectives(found: dict, user) -> list[dict]:
    """Return how each release that served the request fares against its objectives."""
    named = {one["served"]["release"]["digest"] for one in found["attempts"] if one["served"]}
    rows = Release.objects.visible_to(user).filter(digest__in=named).select_related("use_case")
    return [{"release": row, "rows": measured(row, user)} for row in rows]


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
        begins_at=_an_hour_before(found),
    )


def _an_hour_before(found: dict) -> str:
    """Return from when on one looks for what led to a request, as the form reads it."""
    at = min(clock.now(), *(row["at"] for row in found["records"]))
    return f"{at.astimezone(UTC) - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"


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
