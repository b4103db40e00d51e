"""Admin pages of gates: drafted here, previewed, published by somebody else, and read."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef
from django.http import HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html

from audit import Reason
from audit.admin import Act, GovernedAdmin, GovernedInline, PartForm, ReasonForm
from gates import transitions
from gates.models import GateVersion, Requirement, SignOffSlot
from gates.pages import gateversion
from gates.requirement_forms import GROUPS, RequirementForm
from gates.transitions.versions import draft_digest, draft_problems, publishing_objections
from registry import rights
from registry.models import PolicyVersion
from registry.roles import REVIEWING, Role


def may_write(user) -> list[Reason]:
    """Return why somebody may not write gates: they bind every team, as policy does."""
    return rights.may(user, "write_policy", PolicyVersion)


class NewVersion(Act):
    name = "new-version"
    label = "New version from this one…"
    right = "write_policy"
    lead = "A draft that begins as this version."
    note = "This version stays in force until somebody else publishes the draft."
    done = "The draft is made. Change what is new; somebody else publishes it."

    def offered(self, row):
        return row.published_at is not None

    def run(self, request, row, cleaned):
        return transitions.new_gate_version_from(
            row.pk, actor=request.user, reason=cleaned["reason"]
        )


class Publish(Act):
    name = "publish"
    label = "Publish…"
    right = "write_policy"
    lead = "From that minute everything that is asked for is judged by it."
    note = (
        "Read the preview first. Approvals keep the version they were judged by until their "
        "review date; those that would not pass any more are listed for renewal."
    )
    done = "The version is published and in force."
    primary = True

    def offered(self, row):
        return row.published_at is None

    def objections(self, model_admin, request, row):
        reasons = super().objections(model_admin, request, row)
        return reasons or [*publishing_objections(request.user, row), *draft_problems(row)]

    def context(self, model_admin, request, row):
        preview = format_html('<a href="{}">Preview</a>', preview_url(row))
        return {
            "facts": [
                {"label": "Gate", "value": row.gate, "note": f"version {row.number}"},
                {"label": "Asks for", "value": gateversion.asks(row)},
                {"label": "What it would change", "value": preview},
                {"label": "Digest", "value": draft_digest(row)},
            ]
        }

    def run(self, request, row, cleaned):
        return transitions.publish_gate_version(
            row.pk, actor=request.user, reason=cleaned["reason"]
        )


def preview_url(version: GateVersion) -> str:
    """Return the address that says what a draft would change."""
    return reverse("admin:gate_preview", args=[version.pk])


class SlotForm(PartForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if "role" in self.fields:
            signing = [(role, Role(role).label) for role in REVIEWING]
            self.fields["role"].choices = [("", "Choose…"), *signing]


class SlotInline(GovernedInline):
    model = SignOffSlot
    form = SlotForm
    fields = ("role", "count")
    verbose_name_plural = "Who signs, beside those of the gates before it"


@admin.register(GateVersion)
class GateVersionAdmin(GovernedAdmin):
    """Gates by version; a draft has a form, a published version is shown in words."""

    acts = (Publish(), NewVersion())
    inlines = (SlotInline,)
    fieldsets = ((None, {"fields": ("notes",)}),)
    list_display = ("version", "published", "asks", "signs", "is_newest")
    list_filter = ("gate",)
    search_fields = ("gate", "notes")

    def may(self, request, verb, obj=None):
        reasons = may_write(request.user)
        if verb == "add":
            sentence = "A new version begins from the one in force: open that one first."
            reasons.append(Reason("BEGINS_FROM", sentence))
        return reasons

    def write(self, request, pk, *, values, parts, reason, form):
        return transitions.save_gate_draft(
            pk,
            notes=values["notes"],
            slots={one["role"]: one["count"] for one in parts[SignOffSlot]},
            actor=request.user,
            reason=reason,
        )

    def get_queryset(self, request):
        newer = GateVersion.objects.filter(
            gate=OuterRef("gate"), number__gt=OuterRef("number"), published_at__isnull=False
        )
        rows = super().get_queryset(request).annotate(superseded=Exists(newer))
        return rows.prefetch_related("requirements", "slots")

    csv_columns = {"published": {"published at": lambda row: row.published_at}}

    @admin.display(description="gate", ordering="gate")
    def version(self, obj):
        return str(obj)

    @admin.display(description="published", ordering="published_at")
    def published(self, obj):
        return gateversion.published_html(obj) if obj.published_at else "draft"

    @admin.display(description="asks for")
    def asks(self, obj):
        return gateversion.asks(obj)

    @admin.display(description="signs")
    def signs(self, obj):
        return gateversion.signs(obj)

    @admin.display(description="in force", boolean=True)
    def is_newest(self, obj):
        return obj.published_at is not None and not obj.superseded

    def sections(self, request, obj):
        """Return the requirements of a draft, each with the way to its form."""
        context = {
            "page": gateversion.gate_page(obj),
            "add_url": f"{reverse('admin:gates_requirement_add')}?gate_version={obj.pk}"
            if not may_write(request.user)
            else "",
        }
        return [render_to_string("gates/_draft_requirements.html", context, request)]

    def act_buttons(self, request, obj):
        buttons = super().act_buttons(request, obj)
        if obj.published_at is None:
            preview = {"name": "preview", "label": "Preview", "url": preview_url(obj)}
            buttons.append({**preview, "primary": False, "objections": []})
        return buttons

    def change_view(self, request, object_id, form_url="", extra_context=None):
        """Show a published version in words; a draft has its form."""
        version = self.get_object(request, object_id)
        if version.published_at is None:
            return super().change_view(request, object_id, form_url, extra_context)
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied("A published gate version never changes.")
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Gate {version}",
            "page": gateversion.gate_page(version),
            "history_url": self.history_url(version),
            "act_buttons": self.act_buttons(request, version),
        }
        return TemplateResponse(request, "gates/gateversion.html", context)


class Remove(Act):
    name = "remove"
    label = "Remove…"
    right = "write_policy"
    lead = "The draft no longer asks for it. What is published stays as it is."
    done = "The requirement is taken out of the draft."
    form = ReasonForm

    def offered(self, row):
        return row.gate_version.published_at is None

    def run(self, request, row, cleaned):
        return transitions.remove_requirement(row.pk, actor=request.user, reason=cleaned["reason"])


@admin.register(Requirement)
class RequirementAdmin(GovernedAdmin):
    """What gates ask for, one by one; those of drafts have a form."""

    form = RequirementForm
    acts = (Remove(),)
    list_display = ("requirement", "gate_version", "type", "sentence")
    list_filter = ("gate_version__gate", "type")
    list_select_related = ("gate_version",)
    search_fields = ("code", "sentence", "guidance")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    *("gate_version", "code", "type", "sentence", "guidance", "guidance_url"),
                    "follows_from",
                )
            },
        ),
        ("Of which use cases, and whether it may be waived", {"fields": GROUPS[""]}),
        ("Evidence", {"fields": (*GROUPS["evidence"], *GROUPS["evidence, score"])}),
        ("Scores", {"fields": GROUPS["score"]}),
        ("Metadata", {"fields": GROUPS["metadata"]}),
        ("Checks", {"fields": GROUPS["check"]}),
    )

    @admin.display(description="requirement", ordering="code")
    def requirement(self, obj):
        return obj.code

    def may(self, request, verb, obj=None):
        reasons = may_write(request.user)
        if not reasons and obj is not None and obj.gate_version.published_at is not None:
            sentence = "It is part of a published gate version and never changes."
            reasons = [Reason("SEALED", sentence)]
        return reasons

    def objections(self, request, verb, obj=None):
        return self.may(request, verb, obj)

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        if db_field.name == "gate_version":
            kwargs["queryset"] = GateVersion.objects.filter(published_at=None)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_readonly_fields(self, request, obj=None):
        return ("gate_version",) if obj is not None else ()

    def change_view(self, request, object_id, form_url="", extra_context=None):
        """Amend what a draft asks for; everybody else reads it on the page of its version."""
        row = self.get_object(request, object_id)
        if request.method != "POST" and self.objections(request, "change", row):
            return HttpResponseRedirect(row.get_absolute_url())
        return super().change_view(request, object_id, form_url, extra_context)

    def write(self, request, pk, *, values, parts, reason, form):
        version = values.pop("gate_version", None)
        return transitions.save_requirement(
            pk,
            gate_version=version.pk if version else None,
            values={**values, "terms": form.terms()},
            actor=request.user,
            reason=reason,
        )
