"""The pages of incidents: opening one, all that is known of one, and its archive."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponseRedirect, StreamingHttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from audit import Refused
from gates.models import Promotion
from registry.rights import may
from runtime.incidents import forms, transitions
from runtime.incidents.exporting import export
from runtime.incidents.following import became
from runtime.incidents.links import STATES
from runtime.incidents.models import Incident
from runtime.incidents.reading import find, lead, scope
from runtime.incidents.rules import STEPS, open_to, took_words
from runtime.incidents.showing import answer, asks, seen
from runtime.incidents.verb_pages import VERBS
from runtime.timeline.activations import walk
from runtime.timeline.finding import timeline as timeline_of
from runtime.timeline.pages import changed, moment
from runtime.timeline.picture import picture
from runtime.timeline.texts import texts_of

# Opening one


@asks
def open_page(request):
    """Open an incident, with what is known from where one came filled in."""
    user = request.user
    objections = may(user, "open_incident")
    posted = request.POST if request.method == "POST" else None
    form = forms.OpenForm(posted, reader=user, given=request.GET)
    status = 403 if objections else 422 if posted is not None else 200
    if posted is not None and not objections and form.is_valid():
        given = form.cleaned_data
        try:
            row = transitions.open_incident(
                title=given["title"],
                severity=given["severity"],
                begins_at=given["begins_at"],
                ends_at=given["ends_at"],
                detected_at=given["detected_at"],
                use_case=given["use_case"],
                environment=given["environment"],
                owner=given["owner"],
                ticket=given["ticket"],
                releases=[given["release"]] if given["release"] else [],
                requests=[given["request_id"]] if given["request_id"].strip() else [],
                actor=user,
                reason=given["reason"],
            )
        except Refused as refused:
            form.refuse(refused)
            status = refused.status
        else:
            messages.success(request, f"Incident {row.pk} is open; its records are held.")
            return HttpResponseRedirect(row.get_absolute_url())
    context = {
        "title": "Open an incident",
        "form": form,
        "objections": objections,
        "lead": "An incident holds the records of its window and builds its timeline by itself.",
        "button": "Open the incident",
        "back": reverse("admin:incidents"),
    }
    return answer(request, "runtime/incidents/ask.html", context, status)


# One incident


@require_safe
def one(request, pk):
    """One incident: the strongest lead, figures, picture, what changed, notes and follow-ups."""
    incident, user = seen(request, pk), request.user
    found = find(incident, user)
    about = scope(incident, user)
    walked = walk(about)
    timeline = timeline_of(about, user, walked)
    said = lead(found, timeline, user)
    affected = found.affected
    suspected = {
        (link.release.use_case.slug, link.release.number) for link in found.links if link.release
    }
    drawn = picture(
        about,
        user,
        timeline.events,
        walked=walked,
        suspected=suspected,
        affected=(affected.first, affected.last) if affected.first else None,
    )
    ranked = timeline.ranked if request.GET.get("order") != "time" else timeline.events
    context = {
        "title": incident.title,
        "row": incident,
        "found": found,
        "drawn": STATES[incident.state],
        "lead": said,
        "review_wanted": incident.state == Incident.State.RESOLVED,
        "took": {
            "detect": took_words(found.figures.to_detect),
            "mitigate": took_words(found.figures.to_mitigate),
        },
        "picture": drawn,
        "scope": about,
        **changed(ranked, timeline, by_time=request.GET.get("order") == "time"),
        "texts": texts_of(walked, about, said.event or (ranked[0] if ranked else None), user),
        "moment": moment(request, about, affected.first or incident.begins_at, user),
        "notes": list(incident.notes.select_related("written_by")),
        "follow_ups": _follow_ups(incident, user),
        "participants": list(incident.participants.select_related("person")),
        "verbs": _offered(request, incident),
        "acts": _acts(request, incident, found),
        "api_url": f"/api/v1/incidents/{incident.pk}/",
    }
    return answer(request, "runtime/incidents/incident.html", context)


def _follow_ups(incident: Incident, user) -> list[dict]:
    rows = list(incident.follow_ups.select_related("owner", "done_by"))
    made = became(rows, user)
    return [{"row": one, "became": made[one.pk]} for one in rows]


@dataclass(frozen=True)
class Button:
    label: str
    url: str
    danger: bool = False


def _offered(request, incident: Incident) -> list[Button]:
    """Return the verbs that the reader may use on an incident as it stands now."""
    if incident.reviewed_at is not None:
        return []
    return [
        Button(verb.label, reverse("admin:incident_verb", args=[incident.pk, name]))
        for name, verb in VERBS.items()
        if (name not in STEPS or open_to(incident.state, name))
        and not transitions.may_on(request.user, verb.right, incident)
    ]


def _acts(request, incident: Incident, found) -> list[Button]:
    """Return the ways to what may be done because of it: roll back, suspend, revoke."""
    if incident.reviewed_at is not None:
        return []
    buttons = []
    if incident.environment is not None and not may(request.user, "operate"):
        slug = incident.environment.slug
        asked = urlencode({"part_of": incident.pk})
        url = reverse("admin:environment_roll_back", args=[slug])
        buttons.append(Button("Roll back…", f"{url}?{asked}", True))
        url = reverse("admin:environment_suspend", args=[slug])
        buttons.append(Button("Suspend…", f"{url}?{urlencode({'incident': incident.pk})}", True))
    if not may(request.user, "revoke", incident.use_case):
        releases = [link.release_id for link in found.links if link.release_id]
        approved = Promotion.objects.visible_to(request.user).filter(
            release__in=releases, state=Promotion.State.APPROVED, revocation=None
        )
        if incident.environment_id is not None:
            approved = approved.filter(environment=incident.environment_id)
        for row in approved.select_related("release__use_case", "environment")[:5]:
            url = reverse("admin:gates_promotion_revoke", args=[row.pk])
            label = f"Revoke {row.release} in {row.environment}…"
            buttons.append(Button(label, f"{url}?{urlencode({'incident': incident.pk})}", True))
    return buttons


# Its archive


@require_safe
def export_page(request, pk):
    """All of an incident in one archive, which is verified without this server."""
    incident = seen(request, pk)
    archive = export(incident, request.user)
    return StreamingHttpResponse(
        archive.sent(),
        content_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="incident-{pk}.zip"',
            "Content-Length": str(archive.length),
            "Cache-Control": "private, no-store",
        },
    )
