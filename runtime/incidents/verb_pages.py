"""What is said and done of an incident and of its follow-ups: a page for each verb."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from django.contrib import messages
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import get_object_or_404

from audit import Reason, Refused
from audit.admin.acts import ReasonForm
from registry.models import PolicyVersion
from registry.rights import may
from runtime.incidents import following, forms, transitions
from runtime.incidents.models import FollowUp, Incident
from runtime.incidents.rules import STEPS, Facts, step_objections
from runtime.incidents.showing import answer, asks, seen


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
    return answer(request, "runtime/incidents/ask.html", context, status)


def _not_now(incident: Incident, verb: str, user) -> list[Reason]:
    if incident.reviewed_at is not None:
        return [Reason("REVIEWED", "The incident is reviewed: what is said of it stays as it is.")]
    if verb not in STEPS:
        return []
    facts = Facts(incident.state, incident.resolved_by_id, transitions.unreviewed(incident))
    return step_objections(verb, facts, person=user.pk, trigger="asked for below")


def _follow_up(request, pk: int) -> FollowUp:
    rows = FollowUp.objects.visible_to(request.user).select_related(
        "incident__use_case__team", "incident__owner", "owner"
    )
    return get_object_or_404(rows, pk=pk)


@asks
def follow_up_done(request, pk):
    """Say that a follow-up is done, and how."""
    found = _follow_up(request, pk)
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
    return answer(request, "runtime/incidents/ask.html", context, status)


@asks
def follow_up_binding(request, pk):
    """Make a follow-up binding: start the draft of a gate for it, or see where it can be signed."""
    found, user = _follow_up(request, pk), request.user
    off = may(user, "write_policy", PolicyVersion)
    form = forms.GateForm(found, request.POST if request.method == "POST" else None)
    status = 200
    if form.is_bound:
        status = 403 if off else 422
        if not off and form.is_valid():
            given = form.cleaned_data
            try:
                draft = following.draft_for(given["gate"], actor=user, reason=given["reason"])
            except Refused as refused:
                form.refuse(refused)
                status = refused.status
            else:
                return HttpResponseRedirect(following.requirement_url(found, draft))
    context = {
        "title": f"Make it binding: {found.text[:80]}",
        "row": found,
        "form": form,
        "objections": off,
        "became": following.became([found], user)[found.pk],
        "promotions": following.open_promotions(found.incident, user),
    }
    return answer(request, "runtime/incidents/binding.html", context, status)
