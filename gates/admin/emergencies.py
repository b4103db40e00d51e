"""Admin pages of break-glasses: opened from a release, ended, and reviewed afterwards."""

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse

from audit import Refused, clock
from audit.admin import Act, GovernedAdmin, ReasonForm, VisibleRelatedFilter
from gates import emergencies, transitions
from gates.models import BreakGlass, BreakGlassReview
from gates.pages import gateversion
from gates.pages.emergencies import facts, state_of, word_of
from gates.rules import PersonFacts
from gates.rules.emergencies import LONGEST_HOURS, reviewing_objections
from registry.admin.acts import AuthenticatedAct, PasswordForm
from registry.models import Environment, Person, Release, ServingEndpoint
from registry.rights import may


class BreakGlassForm(PasswordForm):
    """Letting a release in for hours: where, for which incident, and how long."""

    environment = forms.ModelChoiceField(
        Environment.objects.none(),
        empty_label="Choose…",
        error_messages={"required": "Choose the environment."},
    )
    endpoints = forms.ModelMultipleChoiceField(
        ServingEndpoint.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Name at least one endpoint that serves the release."},
    )
    incident = forms.CharField(
        max_length=200,
        help_text="Its number or address, where it is handled.",
        error_messages={"required": "Name the incident."},
    )
    hours = forms.IntegerField(
        label="For how many hours",
        min_value=1,
        max_value=LONGEST_HOURS,
        initial=4,
        help_text=f"{LONGEST_HOURS} at most. It ends by itself.",
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.row is None:
            return
        user = self.request.user
        self.fields["environment"].queryset = Environment.objects.visible_to(user)
        self.fields["endpoints"].queryset = ServingEndpoint.objects.visible_to(user).filter(
            version=self.row.model_version_id
        )


class ReviewForm(ReasonForm):
    outcome = forms.ChoiceField(
        label="Was it justified?",
        widget=forms.RadioSelect,
        choices=BreakGlassReview.Outcome.choices,
        error_messages={"required": "Say whether it was justified."},
    )


class Review(Act):
    name = "review"
    label = "Review…"
    right = "review_break_glass"
    lead = "What you find is part of the record, under your name."
    note = "An overdue review keeps the team from breaking the glass again."
    done = "The break-glass is reviewed."
    form = ReviewForm
    primary = True

    def offered(self, row):
        return not hasattr(row, "review")

    def objections(self, model_admin, request, row):
        reasons = super().objections(model_admin, request, row)
        user = request.user
        return reasons or reviewing_objections(
            PersonFacts(
                user.pk,
                frozenset(role for role, _ in user.grants),
                is_person=user.kind == Person.Kind.PERSON,
            ),
            opened_by=row.opened_by_id,
            reviewed=False,
            ends=row.end.ended_at if hasattr(row, "end") else row.ends_at,
            now=clock.now(),
        )

    def context(self, model_admin, request, row):
        return {"facts": facts(row), "told": {"Why it was opened": row.reason}}

    def run(self, request, row, cleaned):
        transitions.review_break_glass(row.pk, actor=request.user, **cleaned)


class End(AuthenticatedAct):
    name = "end"
    label = "End it now…"
    right = "revoke"
    lead = "Deployment tools are told no from then on, unless an approval allows it."
    done = "The break-glass is ended."

    def offered(self, row):
        return state_of(row) == "open"

    def context(self, model_admin, request, row):
        return {"facts": facts(row), "told": {"Why it was opened": row.reason}}

    def run(self, request, row, cleaned):
        transitions.end_break_glass(row.pk, actor=request.user, **cleaned)


@admin.register(BreakGlass)
class BreakGlassAdmin(GovernedAdmin):
    acts = (Review(), End())
    list_display = ("break_glass", "lets", "incident", "stands", "opened", "due")
    list_filter = (("environment", VisibleRelatedFilter),)
    list_select_related = emergencies.WITH
    search_fields = ("incident", "release__use_case__slug", "environment__slug")
    search_help_text = "Incident, use case or environment."

    csv_columns = {
        "stands": {"how it stands": lambda row: word_of(row)[1]},
        "opened": {
            "opened at": lambda row: row.opened_at,
            "opened by": lambda row: row.printed_name,
        },
        "due": {
            "review due at": lambda row: row.review_due,
            "reviewed": lambda row: hasattr(row, "review"),
        },
    }

    @admin.display(description="break-glass", ordering="pk")
    def break_glass(self, obj):
        return str(obj)

    @admin.display(description="lets")
    def lets(self, obj):
        return f"{obj.release} into {obj.environment}"

    @admin.display(description="how it stands")
    def stands(self, obj):
        return gateversion.state_html(*word_of(obj))

    @admin.display(description="opened", ordering="opened_at")
    def opened(self, obj):
        return gateversion.when_html(obj.opened_at, obj.printed_name)

    @admin.display(description="review due")
    def due(self, obj):
        return "reviewed" if hasattr(obj, "review") else gateversion.when_html(obj.review_due, "")

    def may(self, request, verb, obj=None):
        right = {"review_break_glass": "review_break_glass", "revoke": "revoke"}.get(
            verb, "break_glass"
        )
        return may(request.user, right, Release if obj is None else obj.release)

    def add_view(self, request, form_url="", extra_context=None):
        if reasons := self.may(request, "add"):
            raise PermissionDenied(" ".join(reason.sentence for reason in reasons))
        release = self._release(request)
        if release is None:
            context = {"releases_url": "/registry/release/"}
            return self._page(request, "gates/break_glass_where.html", "Break glass", context)
        if against := may(request.user, "break_glass", release):
            raise PermissionDenied(" ".join(reason.sentence for reason in against))
        request.sensitive_post_parameters = ("password", "code")
        form, status = BreakGlassForm(request=request, row=release), 200
        if request.method == "POST":
            form, status = BreakGlassForm(request.POST, request=request, row=release), 422
            if form.is_valid():
                try:
                    row = transitions.break_glass(
                        release=release, actor=request.user, **form.cleaned_data
                    )
                except Refused as refused:
                    form.refuse(refused)
                    status = refused.status
                else:
                    messages.success(request, f"Open for {row.hours} hours at most.")
                    return HttpResponseRedirect(row.get_absolute_url())
        context = {"release": release, "form": form}
        title = f"Break glass for {release}"
        return self._page(request, "gates/break_glass_add.html", title, context, status)

    def _release(self, request) -> Release | None:
        key = request.GET.get("release", "").strip()
        if not key:
            return None
        rows = Release.objects.visible_to(request.user).select_related(
            "use_case__team", "model_version__model"
        )
        readable = key.isascii() and key.isdigit() and len(key) < 19
        release = rows.filter(pk=key).first() if readable else None
        if release is None:
            raise Http404("There is no such release.")
        return release

    def change_view(self, request, object_id, form_url="", extra_context=None):
        """Show a break-glass with its review; nothing is amended."""
        row = self.get_object(request, object_id)
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied("A break-glass never changes: end it, or review it.")
        context = {
            "row": row,
            "state": state_of(row),
            "word": word_of(row),
            "facts": facts(row),
            "end": getattr(row, "end", None),
            "review": getattr(row, "review", None),
            "act_buttons": self.act_buttons(request, row),
            "history_url": self.history_url(row),
        }
        return self._page(request, "gates/break_glass.html", f"Break-glass {row.pk}", context)

    def _page(self, request, template: str, title: str, context: dict, status: int = 200):
        request.current_app = self.admin_site.name
        shell = {**self.admin_site.each_context(request), "opts": self.opts, "title": title}
        return TemplateResponse(request, template, {**shell, **context}, status=status)
