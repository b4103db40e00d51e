"""Prompt templates and their versions."""

from django import forms
from django.contrib import admin
from django.template.loader import render_to_string
from django.utils.html import format_html

from audit.admin import GovernedForm, VisibleRelatedFilter
from registry import placeholders
from registry.admin.base import RegistryAdmin, add_button, list_section, offered_url
from registry.admin.retiring import Retirable
from registry.models import PromptTemplate, PromptVersion
from registry.transitions import add_prompt_version


@admin.register(PromptTemplate)
class PromptTemplateAdmin(Retirable, RegistryAdmin):
    list_display = ("slug", "name", "team", "marked_kind", "changed")
    list_filter = ("kind", "team")
    list_select_related = ("team",)
    search_fields = ("slug", "name")
    fieldsets = (
        (
            None,
            {
                "fields": ("slug", "name", "team", "kind"),
                "description": "A prompt keeps its name; each text is a version of its own that "
                "never changes.",
            },
        ),
    )
    help_texts = {"slug": "Its name in addresses and tools; it never changes."}

    @admin.display(description="kind", ordering="kind")
    def marked_kind(self, obj):
        return kind_of(obj)

    def sections(self, request, obj):
        versions = PromptVersion.objects.visible_to(request.user).filter(template=obj)
        rows = [
            (
                f"/prompts/{obj.slug}/{version.number}/",
                f"Version {version.number}",
                version.notes or "No notes.",
            )
            for version in versions.order_by("-number")[:20]
        ]
        return [
            list_section(
                "Versions",
                rows,
                link=offered_url(request, PromptVersion, template=obj.pk),
                words="Write a new version",
                empty="No version is written yet.",
            )
        ]


def kind_of(template: PromptTemplate) -> str:
    """Return the kind in words, that of a policy prompt with its mark."""
    return render_to_string("registry/_prompt_kind.html", {"prompt": template})


class PromptVersionForm(GovernedForm):
    """A new text. What may be meant so is said before it is saved: it never changes afterwards."""

    meant = forms.BooleanField(
        required=False,
        label="Meant so",
        help_text="Tick it to save a text of which something is said above its fields.",
    )

    def clean(self):
        cleaned = super().clean()
        text, variables = cleaned.get("text"), cleaned.get("variables")
        if text is None or variables is None or cleaned.get("meant"):
            return cleaned
        # What is certainly wrong comes first, and is said by the verb.
        if not placeholders.problems(text, variables):
            for reason in placeholders.warnings(text, variables):
                self.add_error(reason.field, f"{reason.sentence} If it is meant so, tick it below.")
        return cleaned


@admin.register(PromptVersion)
class PromptVersionAdmin(Retirable, RegistryAdmin):
    form = PromptVersionForm
    list_display = ("__str__", "kind", "notes", "created_by", "created_at")
    list_filter = ("template__kind", ("template__team", VisibleRelatedFilter), "template")
    list_select_related = ("template", "created_by")
    list_late = ("text", "content")
    ordering = ("-pk",)
    search_fields = ("template__slug", "template__name", "text", "notes", "digest")
    date_hierarchy = "created_at"
    list_fields = ("variables",)
    verbatim = ("text",)
    fieldsets = (
        (
            None,
            {
                "fields": ("template", "text", "variables", "meant", "notes"),
                "description": "Saving makes a new version that never changes. The form begins "
                "with the newest text of the prompt.",
            },
        ),
    )
    shown_fieldsets = (
        (None, {"fields": ("template", "number", "parent", "notes")}),
        ("Text", {"fields": ("text_as_written", "variables")}),
        ("Record", {"fields": ("created_by", "created_at", "digest")}),
    )
    readonly_fields = ("number", "parent", "text_as_written", "created_by", "created_at", "digest")
    help_texts = {
        "text": "Write a place for a variable as {{ name }}. The text is kept as it is; nothing "
        "here fills it in.",
        "notes": "What is new in this version, and why.",
    }

    def get_fieldsets(self, request, obj=None):
        return self.fieldsets if obj is None else self.shown_fieldsets

    def get_changeform_initial_data(self, request):
        """Begin with the text of the version named by `from`, or else with the newest one."""
        initial = super().get_changeform_initial_data(request)
        begun = PromptVersion.objects.visible_to(request.user).order_by("-number")
        for name, lookup in (("from", "pk"), ("template", "template")):
            key = initial.get(name, "")
            if key.isdecimal() and (source := begun.filter(**{lookup: key}).first()):
                return {
                    "template": source.template_id,
                    "text": source.text,
                    "variables": source.variables,
                }
        return initial

    def act_buttons(self, request, obj):
        label = "New version from this one…"
        button = add_button(request, label, obj, PromptVersion, **{"from": obj.pk})
        return [button, *super().act_buttons(request, obj)]

    @admin.display(description="kind", ordering="template__kind")
    def kind(self, obj):
        return kind_of(obj.template)

    @admin.display(description="text")
    def text_as_written(self, obj):
        return format_html('<pre class="text">{}</pre>', obj.text)

    def write(self, request, pk, *, values, parts, reason, form):
        return add_prompt_version(
            values["template"].pk,
            text=values["text"],
            variables=values["variables"],
            notes=values["notes"],
            actor=request.user,
            reason=reason,
        )
