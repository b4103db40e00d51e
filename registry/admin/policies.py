"""Policy packs and their versions: written as YAML, published by a second person."""

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.utils.html import format_html, format_html_join

from audit.admin import Act, GovernedInline
from registry import comparison, rights
from registry.admin.base import RegistryAdmin, form_url, list_section, offered_url
from registry.models import PolicyPack, PolicyUseCase, PolicyVersion
from registry.policy import kind_of, read_yaml, validate, write_yaml
from registry.transitions.policies import (
    draft_digest,
    known,
    new_policy_version_from,
    publish_policy_version,
    publishing_objections,
    save_policy_draft,
)

EXAMPLE = (
    "YAML: under clauses, each clause with its value and why. For example "
    "review_months: {value: 12, why: Models and laws change within a year.}"
)


class ClausesField(forms.CharField):
    """Clauses as YAML; each problem is told with its line."""

    def __init__(self, **kwargs):
        kwargs["widget"] = forms.Textarea(
            # Problems name lines: a line of the text is one line of the field.
            attrs={"rows": 24, "class": "vLargeTextField", "spellcheck": "false", "wrap": "off"}
        )
        super().__init__(label="Clauses", help_text=EXAMPLE, strip=False, **kwargs)

    def prepare_value(self, value):
        return value if isinstance(value, str) else write_yaml(value or {})

    def to_python(self, value):
        if isinstance(value, dict):
            return value
        read = read_yaml(super().to_python(value))
        if read.problems:
            raise ValidationError([str(one) for one in read.problems])
        clauses, problems = validate(read.document, known(), read.lines)
        if problems:
            raise ValidationError([str(one) for one in problems])
        return clauses

    def has_changed(self, initial, data):
        try:
            return (initial or {}) != self.to_python(data)
        except ValidationError:
            return True


@admin.register(PolicyPack)
class PolicyPackAdmin(RegistryAdmin):
    list_display = ("slug", "name", "layer", "jurisdiction", "changed")
    list_filter = ("layer",)
    search_fields = ("slug", "name", "description", "jurisdiction")
    fieldsets = (
        (
            None,
            {
                "fields": ("slug", "name", "description", "layer", "jurisdiction"),
                "description": "A pack keeps its name and layer; what it says stands in versions. "
                "An organisation's pack binds everywhere, a jurisdiction's in its environments, "
                "a domain's and a use case's where their versions say.",
            },
        ),
    )
    help_texts = {"slug": "Its name in addresses and decisions; it never changes."}

    def sections(self, request, obj):
        versions = obj.versions.select_related("published_by").order_by("-number")[:20]
        rows = [
            (form_url(version), f"Version {version.number}", _stands(version))
            for version in versions
        ]
        return [
            list_section(
                "Versions",
                rows,
                link=offered_url(request, PolicyVersion, pack=obj.pk),
                words="Write a draft",
                empty="No version is written yet, so it asks for nothing.",
            )
        ]


def _stands(version: PolicyVersion) -> str:
    """Return where a version stands, with a link to what it changed; the first changed nothing."""
    said = f"Draft. {version.notes}"
    if version.published_at is not None:
        when = f"{version.published_at:%d %b %Y}"
        said = f"Published {when} by {version.published_by}. {version.notes}"
    if version.number == 1:
        return said
    return format_html(
        '{} <a href="{}">What changed</a>', said, comparison.address("policy-version", version)
    )


class PolicyUseCaseInline(GovernedInline):
    model = PolicyUseCase
    verbose_name_plural = "Use cases that it binds (domain and use case packs only)"


class Publish(Act):
    name = "publish"
    label = "Publish…"
    right = "write_policy"
    lead = "From that minute every decision is judged by it."
    note = (
        "Read the preview first: it says which approvals, promotions and environments this would "
        "break or free. A published version never changes."
    )
    done = "The version is published and in force."
    primary = True

    def offered(self, row):
        return row.published_at is None

    def objections(self, model_admin, request, row):
        reasons = super().objections(model_admin, request, row)
        return reasons or publishing_objections(request.user, row)

    def context(self, model_admin, request, row):
        preview = format_html('<a href="/policy/versions/{}/preview/">Preview</a>', row.pk)
        return {
            "facts": [
                {"label": "Pack", "value": row.pack.slug, "note": row.pack.get_layer_display()},
                {"label": "Clauses", "value": len(row.clauses)},
                {"label": "What it would change", "value": preview},
                {"label": "Digest", "value": draft_digest(row)},
            ]
        }

    def run(self, request, row, cleaned):
        return publish_policy_version(row.pk, actor=request.user, reason=cleaned["reason"])


class NewVersion(Act):
    name = "new-version"
    label = "New version from this one…"
    right = "write_policy"
    lead = "A draft that begins as this version."
    note = "It gets the pack's next number. This version stays in force until another is published."
    done = "The draft is made. Change what is new; somebody else publishes it."

    def run(self, request, row, cleaned):
        draft = new_policy_version_from(row.pk, actor=request.user, reason=cleaned["reason"])
        return form_url(draft)


@admin.register(PolicyVersion)
class PolicyVersionAdmin(RegistryAdmin):
    list_display = ("__str__", "layer", "notes", "drafted_by", "published_by", "published_at")
    list_filter = ("pack", "pack__layer")
    list_select_related = ("pack", "drafted_by", "published_by")
    search_fields = ("pack__slug", "pack__name", "notes", "digest", "clauses")
    date_hierarchy = "published_at"
    inlines = (PolicyUseCaseInline,)
    acts = (Publish(), NewVersion())
    fieldsets = (
        (
            None,
            {
                "fields": ("pack", "clauses", "notes"),
                "description": "Saving keeps a draft, which binds nobody. Another policy author "
                "publishes it.",
            },
        ),
    )
    shown_fieldsets = (
        (None, {"fields": ("pack", "number", "clauses_in_words", "notes")}),
        ("Record", {"fields": ("drafted_by", "published_by", "published_at", "digest")}),
    )
    readonly_fields = (
        "number",
        "clauses_in_words",
        "drafted_by",
        "published_by",
        "published_at",
        "digest",
    )

    def get_fieldsets(self, request, obj=None):
        if obj is None or self.has_change_permission(request, obj):
            return self.fieldsets
        return self.shown_fieldsets

    def get_readonly_fields(self, request, obj=None):
        fixed = super().get_readonly_fields(request, obj)
        return [*fixed, "pack"] if obj is not None else fixed

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        if db_field.name == "clauses":
            return ClausesField()
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def act_buttons(self, request, obj):
        buttons = [
            {
                "name": "yaml",
                "label": "As YAML",
                "url": f"/policy/versions/{obj.pk}/yaml/",
                "objections": [],
            },
            {
                "name": "compare",
                "label": "Compare with…",
                "url": comparison.address("policy-version", obj),
                "objections": [],
            },
        ]
        if obj.published_at is None:
            preview = f"/policy/versions/{obj.pk}/preview/"
            buttons.append(
                {"name": "preview", "label": "Preview", "url": preview, "objections": []}
            )
        return [*super().act_buttons(request, obj), *buttons]

    @admin.display(description="layer", ordering="pack__layer")
    def layer(self, obj):
        return obj.pack.get_layer_display()

    @admin.display(description="clauses")
    def clauses_in_words(self, obj):
        rows = (
            (key, kind_of(key).words(clause["value"]), clause["why"])
            for key, clause in obj.clauses.items()
        )
        said = format_html_join(
            "", "<dt><code>{}</code></dt><dd>{}<br><span class='note'>{}</span></dd>", rows
        )
        return format_html("<dl>{}</dl>", said) if obj.clauses else "It asks for nothing."

    def may(self, request, verb, obj=None):
        return rights.may(request.user, "write_policy", obj if obj is not None else self.model)

    def write(self, request, pk, *, values, parts, reason, form):
        pack = values.get("pack")
        return save_policy_draft(
            pk,
            pack=pack.pk if pack else None,
            clauses=values["clauses"],
            use_cases=[one["use_case"].pk for one in parts[PolicyUseCase]],
            notes=values["notes"],
            actor=request.user,
            reason=reason,
        )
