"""Admin pages of promotions: asking for one, amending it, and the list of them."""

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse

from audit.admin import Act, GovernedAdmin, GovernedChangeList, ReasonForm, VisibleRelatedFilter
from audit.admin.filters import LONGEST
from gates import previewing, queue, transitions
from gates.admin.helping import Reminding
from gates.forms import PromotionForm
from gates.models import Promotion
from gates.pages import asking, gateversion
from registry.admin.acts import AuthenticatedAct, PasswordForm
from registry.admin.base import Searched
from registry.models import Environment, Person, Release, ServingEndpoint
from registry.rights import may


class PromotionAct(Act):
    """One verb of whoever asks; after it, back on the review page."""

    right = "change"

    def context(self, model_admin, request, row):
        return {"row_url": row.get_absolute_url()}


class Submit(PromotionAct):
    name = "submit"
    label = "Submit for review…"
    lead = "This asks the people whose roles the gate wants to sign."
    done = "Submitted. Whoever may sign sees it as waiting for them."
    primary = True

    def offered(self, row):
        return row.state in (Promotion.State.DRAFT, Promotion.State.CHANGES_REQUESTED)

    def run(self, request, row, cleaned):
        return transitions.submit(row.pk, actor=request.user, reason=cleaned["reason"])


class TakeIn(PromotionAct):
    name = "take-in"
    label = "Take in newer evidence…"
    lead = "This rests the promotion on all evidence given and accepted so far."
    done = "Newer evidence is taken in. Signatures on an earlier package no longer count."

    def offered(self, row):
        return row.state == Promotion.State.IN_REVIEW

    def run(self, request, row, cleaned):
        return transitions.take_in(row.pk, actor=request.user, reason=cleaned["reason"])


class Withdraw(PromotionAct):
    name = "withdraw"
    label = "Withdraw…"
    lead = "This ends the request for good. Asking again takes a new promotion."
    done = "Withdrawn."

    def offered(self, row):
        return row.is_undecided

    def run(self, request, row, cleaned):
        return transitions.withdraw(row.pk, actor=request.user, reason=cleaned["reason"])


class RenewForm(ReasonForm):
    """The reason is there already: renewing takes one press."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.initial.setdefault("reason", "Renewal, so that it is looked at anew in time.")


class Renew(PromotionAct):
    name = "renew"
    label = "Renew…"
    lead = "This drafts a promotion that asks for the same again, at the same endpoints."
    note = "The approval stands as it stands. Submit the draft when the evidence is in order."
    done = "The renewal is drafted. Submit it when it says what you want."
    form = RenewForm

    def offered(self, row):
        return row.state == Promotion.State.APPROVED

    def run(self, request, row, cleaned):
        return transitions.renew(row.pk, actor=request.user, reason=cleaned["reason"])


class RevokeForm(PasswordForm):
    """Revoking, for an incident or without one."""

    incident = forms.CharField(
        label="Incident, if it is done for one",
        max_length=200,
        required=False,
        help_text="Its number here, such as 12, or what it is called elsewhere.",
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.order_fields(["incident", "reason", "password"])
        if self.request is not None:
            self.initial["incident"] = self.request.GET.get("incident", "")[:200]


class Revoke(AuthenticatedAct):
    """A risk owner's verb, on the same page as those of whoever asks."""

    name = "revoke"
    label = "Revoke the approval…"
    right = "revoke"
    lead = "The approval ends at once and for good. Deployment tools are told no from then on."
    note = "Any one risk owner may. Asking again takes a new promotion."
    done = "The approval is revoked."
    form = RevokeForm

    def offered(self, row):
        return row.state == Promotion.State.APPROVED and not hasattr(row, "revocation")

    def context(self, model_admin, request, row):
        effects = previewing.shown(request, previewing.Attempt(revoked=frozenset({row.pk})))
        return {"row_url": row.get_absolute_url(), "effects": effects}

    def run(self, request, row, cleaned):
        transitions.revoke(row.pk, actor=request.user, **cleaned)


class RequesterFilter(VisibleRelatedFilter):
    """Only those who asked for something that the reader may see."""

    def field_choices(self, field, request, model_admin):
        asked = Promotion.objects.visible_to(request.user).values("requested_by")
        people = Person.objects.filter(pk__in=asked).order_by("username")[:LONGEST]
        return [(person.pk, person.username) for person in people]


class PromotionList(GovernedChangeList):
    """The list of promotions: every row leads to its review page and says where it stands."""

    def url_for_result(self, result):
        return result.get_absolute_url()


@admin.register(Promotion)
class PromotionAdmin(Reminding, Searched, GovernedAdmin):
    form = PromotionForm
    acts = (Submit(), TakeIn(), Withdraw(), Renew(), Revoke())
    change_form_template = "gates/promotion_form.html"
    change_list_template = "gates/promotion_list.html"
    list_display = ("promotion", "stands", "sign_offs", "next", "asked")
    list_filter = (
        "state",
        ("environment", VisibleRelatedFilter),
        ("release__use_case", VisibleRelatedFilter),
        ("requested_by", RequesterFilter),
    )
    list_select_related = (
        "release__use_case__team",
        "release__model_version__model",
        "environment",
        "requested_by",
    )
    search_fields = ("release__use_case__slug", "environment__slug", "requested_by__username")
    search_help_text = "Use case, environment or who asked."
    fieldsets = ((None, {"fields": ("endpoints", "purpose", "wanted_by")}),)
    add_fieldsets = (
        (None, {"fields": ("release", "environment", "endpoints", "purpose", "wanted_by")}),
    )

    # The list

    csv_columns = {
        "stands": {"state": lambda row: row.state, "where it stands": lambda row: row.stands.word},
        "asked": {
            "asked at": lambda row: row.created_at,
            "asked by": lambda row: row.requested_by,
        },
    }

    def get_changelist(self, request, **kwargs):
        return PromotionList

    def name_rows(self, request, rows):
        standing = queue.stand(rows, request.user)
        for row in rows:
            row.stands = standing[row.pk]
        super().name_rows(request, rows)

    @admin.display(description="promotion", ordering="pk")
    def promotion(self, obj):
        return obj.stands.title

    @admin.display(description="where it stands", ordering="state")
    def stands(self, obj):
        return gateversion.standing_html(obj.stands)

    @admin.display(description="sign-offs")
    def sign_offs(self, obj):
        return obj.stands.signed

    @admin.display(description="next")
    def next(self, obj):
        return obj.stands.next or None

    @admin.display(description="asked", ordering="created_at")
    def asked(self, obj):
        return gateversion.asked_html(obj)

    # Who may, and what is written

    def may(self, request, verb, obj=None):
        right = "revoke" if verb == "revoke" else "request"
        return may(request.user, right, obj.release if obj is not None else Release)

    def write(self, request, pk, *, values, parts, reason, form):
        asked = {
            "endpoints": form.cleaned_data["endpoints"],
            "purpose": values["purpose"],
            "wanted_by": values["wanted_by"],
            "actor": request.user,
            "reason": reason,
        }
        if pk is None:
            return transitions.request(
                release=values["release"], environment=values["environment"], **asked
            )
        return transitions.amend(pk, **asked)

    # Asking and amending

    def get_fieldsets(self, request, obj=None):
        return self.fieldsets if obj else self.add_fieldsets

    def get_form(self, request, obj=None, change=False, **kwargs):
        form = super().get_form(request, obj, change=change, **kwargs)
        form.visible_endpoints = ServingEndpoint.objects.visible_to(request.user)
        return form

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        if db_field.name == "release":
            kwargs["queryset"] = self._releases(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def _releases(self, request) -> QuerySet:
        return Release.objects.visible_to(request.user).select_related(
            "use_case__team", "model_version__model"
        )

    def add_view(self, request, form_url="", extra_context=None):
        """Ask in three steps: which release, which environment, and then the rest."""
        if not self.has_add_permission(request):
            raise PermissionDenied(self._denied_sentence(request, None))
        release = self._named(request, "release", self._releases(request))
        if release is None:
            rows = asking.sealed_releases(request.user)
            return self._step(request, "gates/ask_release.html", {"releases": rows})
        against = may(request.user, "request", release)
        if against:
            raise PermissionDenied(" ".join(reason.sentence for reason in against))
        environments = Environment.objects.visible_to(request.user)
        environment = self._named(request, "environment", environments)
        if environment is None or release.sealed_at is None:
            shown = {"release": release, "choices": asking.choices(release, request.user)}
            return self._step(request, "gates/ask_environment.html", shown)
        context = {
            **(extra_context or {}),
            **self._one_button(release, environment),
            "preview": asking.preview(release, environment),
        }
        return super().add_view(request, form_url, context)

    def _named(self, request, name: str, rows: QuerySet):
        """Return the row that the address or the form names; None if it names none."""
        key = (request.POST.get(name) or request.GET.get(name) or "").strip()
        if not key:
            return None
        readable = key.isascii() and key.isdigit() and len(key) < 19
        row = rows.filter(pk=key).first() if readable else None
        if row is None:
            raise Http404(f"There is no such {name}.")
        return row

    def _step(self, request, template: str, context: dict):
        request.current_app = self.admin_site.name
        shell = {**self.admin_site.each_context(request), "opts": self.opts}
        title = "Ask for a promotion"
        return TemplateResponse(request, template, {**shell, "title": title, **context})

    def change_view(self, request, object_id, form_url="", extra_context=None):
        """Amend what is open, for those who may; everybody else reads it on its review page."""
        promotion = self.get_object(request, object_id)
        if request.method != "POST" and self.objections(request, "change", promotion):
            return HttpResponseRedirect(promotion.get_absolute_url())
        context = {
            **(extra_context or {}),
            **self._one_button(promotion.release, promotion.environment),
        }
        return super().change_view(request, object_id, form_url, context)

    def _one_button(self, release: Release, environment: Environment) -> dict:
        """Return what the form names, with one way to save: what comes next is the review page."""
        return {
            "release": release,
            "environment": environment,
            "show_save_and_add_another": False,
            "show_save_and_continue": False,
        }
