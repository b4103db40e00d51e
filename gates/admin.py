"""Admin pages of the gates: asking for a promotion, the list of them, and the published gates."""

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse

from audit import Reason
from audit.admin import Act, GovernedAdmin, VisibleRelatedFilter
from audit.admin.filters import LONGEST
from gates import queue, transitions
from gates.forms import PromotionForm
from gates.helping_admin import Reminding
from gates.models import GateVersion, Promotion
from gates.pages import asking, gateversion
from gates.webhook_admin import WebhookAdmin
from registry.models import Environment, Person, Release, ServingEndpoint
from registry.rights import may

# Django looks for admin pages in this module alone.
__all__ = ["GateVersionAdmin", "PromotionAdmin", "WebhookAdmin"]


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


class RequesterFilter(VisibleRelatedFilter):
    """Only those who asked for something that the reader may see."""

    def field_choices(self, field, request, model_admin):
        asked = Promotion.objects.visible_to(request.user).values("requested_by")
        people = Person.objects.filter(pk__in=asked).order_by("username")[:LONGEST]
        return [(person.pk, person.username) for person in people]


class PromotionList(ChangeList):
    """The list of promotions: every row leads to its review page and says where it stands."""

    def get_results(self, request):
        super().get_results(request)
        self.result_list = list(self.result_list)
        standing = queue.stand(self.result_list, request.user)
        for row in self.result_list:
            row.stands = standing[row.pk]

    def url_for_result(self, result):
        return result.get_absolute_url()


@admin.register(Promotion)
class PromotionAdmin(Reminding, GovernedAdmin):
    form = PromotionForm
    acts = (Submit(), TakeIn(), Withdraw())
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

    def get_changelist(self, request, **kwargs):
        return PromotionList

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
        return may(request.user, "request", obj.release if obj is not None else Release)

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


@admin.register(GateVersion)
class GateVersionAdmin(GovernedAdmin):
    """Gates are published in versions, and read here."""

    list_display = ("version", "published", "asks", "signs", "is_newest")
    list_filter = ("gate",)
    search_fields = ("gate", "notes")

    def may(self, request, verb, obj=None):
        return [
            Reason(
                "GATES_ARE_PUBLISHED",
                "Gates come with a release of Gatehouse, as published versions.",
            )
        ]

    def get_queryset(self, request):
        newer = GateVersion.objects.filter(
            gate=OuterRef("gate"), number__gt=OuterRef("number"), published_at__isnull=False
        )
        rows = super().get_queryset(request).annotate(superseded=Exists(newer))
        return rows.prefetch_related("requirements", "slots")

    @admin.display(description="gate", ordering="gate")
    def version(self, obj):
        return str(obj)

    @admin.display(description="published", ordering="published_at")
    def published(self, obj):
        return gateversion.published_html(obj)

    @admin.display(description="asks for")
    def asks(self, obj):
        return gateversion.asks(obj)

    @admin.display(description="signs")
    def signs(self, obj):
        return gateversion.signs(obj)

    @admin.display(description="in force", boolean=True)
    def is_newest(self, obj):
        return obj.published_at is not None and not obj.superseded

    def change_view(self, request, object_id, form_url="", extra_context=None):
        """Show a version in words; nothing is changed here."""
        version = self.get_object(request, object_id)
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied("A published gate version never changes.")
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Gate {version}",
            "page": gateversion.gate_page(version),
            "history_url": self.history_url(version),
        }
        return TemplateResponse(request, "gates/gateversion.html", context)
