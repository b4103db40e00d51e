"""The pages of incidents: opening one, all that is known of one, and its verbs."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.http import Http404, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from audit import Reason, Refused, clock
from audit.admin.acts import ReasonForm
from gates.models import Promotion
from registry.rights import may
from runtime.incidents import forms, transitions
from runtime.incidents.exporting import export
from runtime.incidents.links import STATES
from runtime.incidents.models import FollowUp, Incident
from runtime.incidents.reading import WITH, find, lead, scope
from runtime.incidents.rules import STEPS, Facts, open_to, step_objections, took_words
from runtime.timeline.activations import walk
from runtime.timeline.finding import timeline as timeline_of
from runtime.timeline.pages import changed, moment
from runtime.timeline.picture import picture
from runtime.timeline.texts import texts_of

asks = require_http_methods(["GET", "HEAD", "POST"])


def _answer(request, template: str, context: dict, status: int = 200):
    request.current_app = admin.site.name
    context = {**admin.site.each_context(request), "now": clock.now(), **context}
    return TemplateResponse(request, template, context, status=status)


def seen(request, pk: int) -> Incident:
    """Return the incident that the reader may see; else it is not there."""
    rows = Incident.objects.visible_to(request.user).select_related(*WITH)
    return get_object_or_404(rows, pk=pk)


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
    return _answer(request, "runtime/incidents/ask.html", context, status)


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
        "follow_ups": list(incident.follow_ups.select_related("owner", "done_by")),
        "participants": list(incident.participants.select_related("person")),
        "verbs": _offered(request, incident),
        "acts": _acts(request, incident, found),
        "api_url": f"/api/v1/incidents/{incident.pk}/",
    }
    return _answer(request, "runtime/incidents/incident.html", context)


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


# Its verbs, one page each


@dataclass(frozen=True)
class Verb:
    """A verb on an incident: its button, the right it takes, what will happen, form and call."""

    label: str
    right: str
    lead: str
    form: Callable
    call: Callable
    done: str


def _linked(incident, given, actor):
    transitions.add_link(
        incident.pk,
        release=given["release"],
        request=given["request_id"],
        actor=actor,
        reason=given["reason"],
    )


def _stepped(verb: str):
    def call(incident, given, actor):
        transitions.step(incident.pk, verb, actor=actor, **given)

    return call


def _plain(incident, reader, *args, **kwargs):
    return ReasonForm(*args, **kwargs)


def _terms(incident, reader, *args, **kwargs):
    names = ("severity", "begins_at", "ends_at", "detected_at", "ticket")
    initial = {name: getattr(incident, name) for name in names}
    return forms.TermsForm(*args, initial=initial, **kwargs)


VERBS: dict[str, Verb] = {
    "note": Verb(
        "Add a note",
        "note_incident",
        "Notes and decisions are part of the record for good.",
        lambda incident, reader, *args, **kwargs: forms.NoteForm(*args, **kwargs),
        lambda incident, given, actor: transitions.write(incident.pk, actor=actor, **given),
        "It is written down.",
    ),
    "link": Verb(
        "Link",
        "note_incident",
        "A release or a request that it is about as well; the request's records are held.",
        lambda incident, reader, *args, **kwargs: forms.LinkForm(
            *args, incident=incident, reader=reader, **kwargs
        ),
        _linked,
        "It is linked.",
    ),
    "join": Verb(
        "Name somebody",
        "note_incident",
        "Whoever takes part is told of what becomes of it.",
        lambda incident, reader, *args, **kwargs: forms.JoinForm(
            *args, incident=incident, **kwargs
        ),
        lambda incident, given, actor: transitions.join(incident.pk, actor=actor, **given),
        "They take part.",
    ),
    "follow-up": Verb(
        "Set a follow-up",
        "handle_incident",
        "It waits for whoever owns it, on their first page, until they say that it is done.",
        lambda incident, reader, *args, **kwargs: forms.FollowUpForm(
            *args, incident=incident, **kwargs
        ),
        lambda incident, given, actor: transitions.follow_up(incident.pk, actor=actor, **given),
        "It is set.",
    ),
    "amend": Verb(
        "Amend",
        "handle_incident",
        "The window only grows: what fell out of it would no longer be held.",
        _terms,
        lambda incident, given, actor: transitions.widen(incident.pk, actor=actor, **given),
        "It is amended.",
    ),
    "mitigate": Verb(
        "Mitigated",
        "handle_incident",
        "Nobody is affected any more, though it is not mended. It counts from the first thing that "
        "was done because of the incident, if anything was.",
        _plain,
        _stepped("mitigate"),
        "It is mitigated.",
    ),
    "resolve": Verb(
        "Resolved",
        "handle_incident",
        "It is over, and its window ends. Somebody else reviews it; until then its records are "
        "held.",
        _plain,
        _stepped("resolve"),
        "It is resolved; somebody else reviews it.",
    ),
    "reopen": Verb(
        "Open again",
        "handle_incident",
        "It was not over after all.",
        _plain,
        _stepped("reopen"),
        "It is open again.",
    ),
    "review": Verb(
        "Review",
        "review_incident",
        "What is said of it stays from then on, and its records are held no longer.",
        lambda incident, reader, *args, **kwargs: forms.ReviewIncidentForm(*args, **kwargs),
        _stepped("review"),
        "It is reviewed.",
    ),
}


@asks
def verb_page(request, pk, verb):
    """One verb on an incident: a page that asks, and does it when it is posted."""
    incident, user = seen(request, pk), request.user
    if verb not in VERBS:
        raise Http404
    asked = VERBS[verb]
    off = transitions.may_on(user, asked.right, incident)
    make = partial(asked.form, incident, user)
    form, status = make(), 403 if off else 200
    if request.method == "POST":
        form = make(request.POST)
        status = 403 if off else 422
        if not off and form.is_valid():
            try:
                asked.call(incident, form.cleaned_data, user)
            except Refused as refused:
                form.refuse(refused)
                status = refused.status
            else:
                messages.success(request, asked.done)
                return HttpResponseRedirect(incident.get_absolute_url())
    objections = off or ([] if form.is_bound else _not_now(incident, verb, user))
    context = {
        "title": f"{asked.label}: {incident.title}",
        "row": incident,
        "form": form,
        "objections": objections,
        "lead": asked.lead,
        "button": asked.label,
        "back": incident.get_absolute_url(),
    }
    return _answer(request, "runtime/incidents/ask.html", context, status)


def _not_now(incident: Incident, verb: str, user) -> list[Reason]:
    if incident.reviewed_at is not None:
        return [Reason("REVIEWED", "The incident is reviewed: what is said of it stays as it is.")]
    if verb not in STEPS:
        return []
    facts = Facts(incident.state, incident.resolved_by_id, transitions.unreviewed(incident))
    return step_objections(verb, facts, person=user.pk, trigger="asked for below")


@asks
def follow_up_done(request, pk):
    """Say that a follow-up is done, and how."""
    rows = FollowUp.objects.visible_to(request.user).select_related(
        "incident__use_case__team", "incident__owner", "owner"
    )
    found = get_object_or_404(rows, pk=pk)
    off = []
    if found.owner_id != request.user.pk:
        off = transitions.may_on(request.user, "handle_incident", found.incident)
    form, status = ReasonForm(), 403 if off else 200
    if request.method == "POST":
        form, status = ReasonForm(request.POST), 403 if off else 422
        if not off and form.is_valid():
            try:
                transitions.finish_follow_up(
                    found.pk, actor=request.user, reason=form.cleaned_data["reason"]
                )
            except Refused as refused:
                form.refuse(refused)
                status = refused.status
            else:
                messages.success(request, "It is done.")
                return HttpResponseRedirect(found.incident.get_absolute_url())
    if found.done_at is not None and not off and not form.is_bound:
        off = [Reason("DONE", "It is done already.")]
    context = {
        "title": f"Done: {found.text[:80]}",
        "row": found.incident,
        "form": form,
        "objections": off,
        "lead": f"{found.owner.username} was to do this by {found.due_on}: {found.text}",
        "button": "It is done",
        "back": found.incident.get_absolute_url(),
    }
    return _answer(request, "runtime/incidents/ask.html", context, status)


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
