"""API tokens: issued once, shown once, revoked."""

from datetime import UTC, datetime, timedelta

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminDateWidget
from django.template.response import TemplateResponse

from audit import Reason, clock
from audit.admin import Act, GovernedForm
from registry import rights
from registry.admin.base import RegistryAdmin, form_url
from registry.models import ApiToken
from registry.roles import ADMINISTER
from registry.rules import LONGEST_TOKEN
from registry.transitions import issue_token, revoke_token


class TokenForm(GovernedForm):
    """A token that ends at the end of a day."""

    expiry = forms.DateField(
        label="Last day",
        widget=AdminDateWidget,
        help_text=f"It ends at midnight UTC after this day, {LONGEST_TOKEN.days} days from now "
        "at the latest.",
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if "expiry" in self.fields:
            self.initial.setdefault("expiry", (clock.now() + timedelta(days=90)).date())

    def clean_expiry(self):
        day = self.cleaned_data["expiry"]
        try:
            return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
        except OverflowError:
            raise forms.ValidationError("Give an earlier day.") from None


class Revoke(Act):
    name = "revoke"
    label = "Revoke…"
    right = "revoke_token"
    lead = "The token stops working at once."
    note = "It stays on record. Whoever uses it needs a new one first."
    done = "The token is revoked."

    def offered(self, row):
        return row.revoked_at is None

    def run(self, request, row, cleaned):
        return revoke_token(row.pk, actor=request.user, reason=cleaned["reason"])


@admin.register(ApiToken)
class ApiTokenAdmin(RegistryAdmin):
    form = TokenForm
    list_display = ("name", "user", "scope", "bound_to", "begins", "state", "expiry", "last_used")
    list_filter = ("scope",)
    list_select_related = ("user", "environment", "router", "team", "use")
    search_fields = ("name", "user__username", "token_key")
    date_hierarchy = "expiry"
    acts = (Revoke(),)
    fieldsets = (
        (
            None,
            {
                "fields": ("user", "name", "scope", "router", "team", "expiry"),
                "description": "The token is shown once, on the next page, and kept nowhere.",
            },
        ),
    )
    shown = (
        "user",
        "name",
        "scope",
        "bound_to",
        "begins",
        "created",
        "expiry",
        "revoked_at",
        "last_used",
    )
    help_texts = {
        "user": "Whose rights it carries: a service account, or a person.",
        "router": "For a router token only: it opens the router's environment and no other.",
        "team": "For an evidence token only.",
    }

    def get_fieldsets(self, request, obj=None):
        if obj is not None:
            return ((None, {"fields": self.shown}),)
        if request.user.has_role(*ADMINISTER):
            return self.fieldsets
        # Who issues for themselves issues for reading, which is bound to nothing.
        asked = {**self.fieldsets[0][1], "fields": ("user", "name", "scope", "expiry")}
        return ((None, asked),)

    def get_readonly_fields(self, request, obj=None):
        return () if obj is None else self.shown

    def objections(self, request, verb, obj=None):
        if verb == "change" and obj is not None and obj.revoked_at is None:
            return [Reason("CLOSED", "A token is not amended: revoke it, and issue another.")]
        return super().objections(request, verb, obj)

    def may(self, request, verb, obj=None):
        if verb == "add":
            # Everybody may have a reading token of their own.
            return rights.may(request.user, "issue_token", request.user)
        return super().may(request, verb, obj)

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "user":
            field.initial = request.user.pk
            field.queryset = field.queryset.filter(is_active=True)
            if not request.user.has_role(*ADMINISTER):
                field.queryset = field.queryset.filter(pk=request.user.pk)
        return field

    def formfield_for_choice_field(self, db_field, request, **kwargs):
        field = super().formfield_for_choice_field(db_field, request, **kwargs)
        if db_field.name == "scope" and not request.user.has_role(*ADMINISTER):
            field.choices = [(ApiToken.Scope.READ.value, ApiToken.Scope.READ.label)]
        return field

    csv_columns = {
        "last_used": {
            "last used at": lambda row: row.use.last_used_at if hasattr(row, "use") else None
        }
    }

    @admin.display(description="bound to")
    def bound_to(self, obj):
        if obj.router:
            return f"{obj.router} in {obj.environment}"
        return obj.environment or obj.team

    @admin.display(description="begins with")
    def begins(self, obj):
        return f"{obj.token_key}…"

    @admin.display(description="state")
    def state(self, obj):
        if obj.revoked_at:
            return "revoked"
        return "works" if obj.is_live else "ended"

    @admin.display(description="last used")
    def last_used(self, obj):
        use = getattr(obj, "use", None)
        return f"{use.last_used_at:%d %b %Y %H:%M} UTC" if use else "never"

    def page_url(self, obj):
        return form_url(obj)

    def write(self, request, pk, *, values, parts, reason, form):
        token, request.raw_token = issue_token(
            values["user"].pk,
            name=values["name"],
            scope=values["scope"],
            expires_at=values["expiry"],
            router=values.get("router"),
            team=values.get("team"),
            actor=request.user,
            reason=reason,
        )
        return token

    def response_add(self, request, obj, post_url_continue=None):
        """Show the token on the answer itself: nothing that is stored ever holds it."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "The token is issued",
            "token": obj,
            "raw": request.raw_token,
            "row_url": self.change_url(obj),
        }
        response = TemplateResponse(request, "registry/token_issued.html", context)
        response["Cache-Control"] = "no-store"
        return response
