"""Pages that ask people by name: to mend a finding, or to sign."""

from datetime import timedelta

from django import forms
from django.contrib import admin, messages
from django.db.models import Q
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods

from audit import Refused, clock
from audit.admin.forms import reason_field
from gates import transitions
from gates.models import Assignment, Promotion, SignOffAsk
from gates.pages import words
from gates.pages.loaded import WITH, load
from gates.rules.helping import code_of
from registry.models import Person, RoleGrant
from registry.rights import may


class PersonForm(forms.Form):
    """Who is asked, and why."""

    person = forms.ModelChoiceField(
        queryset=Person.objects.none(),
        error_messages={
            "required": "Choose whom to ask.",
            "invalid_choice": "Choose somebody from the list.",
        },
    )
    reason = reason_field()

    def __init__(self, *args, people, **kwargs):
        super().__init__(*args, label_suffix="", **kwargs)
        self.fields["person"].queryset = people

    def refuse(self, refused: Refused) -> None:
        """Say why it was refused, each reason at its field if there is one."""
        for reason in refused.reasons:
            self.add_error(reason.field if reason.field in self.fields else None, reason.sentence)


class AssignForm(PersonForm):
    """Which finding, whom, and until when."""

    finding = forms.ChoiceField(
        error_messages={"invalid_choice": "Choose a finding that stands in the way."}
    )
    due_on = forms.DateField(
        label="Due on",
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )

    def __init__(self, *args, findings, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["finding"].choices = findings
        self.initial.setdefault("due_on", (clock.now() + timedelta(days=14)).date())
        self.order_fields(["finding", "person", "due_on", "reason"])


def _promotion(request, pk) -> Promotion:
    return get_object_or_404(
        Promotion.objects.visible_to(request.user).select_related(*WITH), pk=pk
    )


def who_sees(promotion: Promotion):
    """Return the people who see a promotion: those who hold a role in its team, or in all."""
    team = promotion.release.use_case.team_id
    holders = RoleGrant.objects.in_force().filter(Q(team=None) | Q(team=team)).values("person")
    people = Person.objects.filter(pk__in=holders, is_active=True, kind=Person.Kind.PERSON)
    return people.order_by("username")


def _answer(request, promotion, template: str, status: int, **context):
    shell = admin.site.each_context(request)
    context = {**shell, "promotion": promotion, "short": words.short(promotion), **context}
    return TemplateResponse(request, template, context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def assign(request, pk):
    """Ask somebody to mend a finding, or take that back; what is assigned stands below."""
    promotion = _promotion(request, pk)
    off = may(request.user, "request", promotion.release)
    if request.method == "POST" and "assignment" in request.POST and not off:
        return _withdraw(request, promotion)
    loaded = load(promotion)
    form = AssignForm(
        request.POST or None,
        people=who_sees(promotion),
        findings=[(code_of(one), one.sentence) for one in loaded.in_the_way],
        initial={"finding": request.GET.get("finding", "")},
    )
    status = 403 if off else 422 if form.is_bound else 200
    if not off and form.is_valid():
        cleaned = form.cleaned_data
        try:
            row = transitions.assign(
                pk,
                finding=cleaned["finding"],
                assignee=cleaned["person"],
                due_on=cleaned["due_on"],
                actor=request.user,
                reason=cleaned["reason"],
            )
        except Refused as refused:
            form.refuse(refused)
            status = refused.status
        else:
            due = f"{row.due_on.day} {row.due_on:%b %Y}"
            messages.success(request, f"To be mended by {row.assignee}, due {due}.")
            return HttpResponseRedirect(promotion.get_absolute_url())
    return _answer(
        request,
        promotion,
        "gates/assign.html",
        status,
        title="Assign a finding",
        form=form,
        off=off,
        nothing=not loaded.in_the_way,
        assignments=_assigned(promotion),
    )


def _assigned(promotion: Promotion):
    rows = Assignment.objects.filter(promotion=promotion).select_related("assignee", "assigned_by")
    return rows.order_by("-pk")[:50]


def _withdraw(request, promotion):
    key = request.POST["assignment"]
    row = Assignment.objects.filter(
        promotion=promotion, pk=key if key.isdecimal() and len(key) < 19 else None
    ).first()
    if row is None:
        raise Http404("There is no such assignment.")
    try:
        transitions.withdraw_assignment(
            row.pk, actor=request.user, reason=request.POST.get("reason", "")
        )
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, "It is taken back.")
    return HttpResponseRedirect(request.path)


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request, pk):
    """Ask one eligible person to sign, or remind those who are wanted."""
    promotion = _promotion(request, pk)
    off = may(request.user, "discuss", promotion.release)
    if request.method == "POST" and "remind" in request.POST and not off:
        return _remind(request, promotion)
    loaded = load(promotion)
    eligible = {one.pk for people in loaded.eligible.values() for one in people}
    people = Person.objects.filter(pk__in=eligible).order_by("username")
    form = PersonForm(request.POST or None, people=people)
    status = 403 if off else 422 if form.is_bound else 200
    if not off and form.is_valid():
        try:
            row = transitions.ask_to_sign(
                pk,
                person=form.cleaned_data["person"],
                actor=request.user,
                reason=form.cleaned_data["reason"],
            )
        except Refused as refused:
            form.refuse(refused)
            status = refused.status
        else:
            messages.success(request, f"{row.person} is asked to sign.")
            return HttpResponseRedirect(promotion.get_absolute_url())
    asked = SignOffAsk.objects.filter(promotion=promotion).select_related("person", "asked_by")
    return _answer(
        request,
        promotion,
        "gates/ask_signer.html",
        status,
        title="Ask somebody to sign",
        form=form,
        off=off,
        nothing=promotion.state != Promotion.State.IN_REVIEW or not eligible,
        asked=asked.order_by("-pk")[:50],
    )


def _remind(request, promotion):
    try:
        names = transitions.remind(promotion.pk, actor=request.user)
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, f"Reminded: {words.listed(names[:10])}.")
    return HttpResponseRedirect(request.path)
