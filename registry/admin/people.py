"""People and service accounts, and the roles they hold."""

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import Prefetch

from audit import Reason
from audit.admin import Act, GovernedForm
from registry import rights
from registry.admin.acts import AuthenticatedAct
from registry.admin.base import RegistryAdmin, add_url, form_url, list_section
from registry.leaving import open_ends
from registry.models import ApiToken, Person, RoleGrant
from registry.second_factor import has_second_factor
from registry.transitions import (
    add_person,
    amend_person,
    deactivate_person,
    end_grant,
    grant_role,
    reactivate_person,
    take_second_factor,
)


class PersonForm(GovernedForm):
    """Somebody's names and, once, a first password."""

    password = forms.CharField(
        label="First password",
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Leave it empty: the person sets one through “Forgotten your password?” on the "
        "sign-in page. Whoever types one here knows it. A service account has none.",
    )

    def values(self):
        values = super().values()
        values["password"] = self.cleaned_data.get("password") or None
        return values


class Deactivate(Act):
    name = "deactivate"
    label = "Deactivate…"
    lead = "Sign-in, tokens and rights end at once."
    note = "Signatures and history stay. The person can be reactivated, with the same roles."
    done = "The person is deactivated."

    def offered(self, row):
        return row.is_active

    def context(self, model_admin, request, row):
        return {"open": open_ends(row), "open_title": "What they leave open"}

    def run(self, request, row, cleaned):
        return deactivate_person(row.pk, actor=request.user, reason=cleaned["reason"])


class Reactivate(Act):
    name = "reactivate"
    label = "Reactivate…"
    lead = "Sign-in and every role that was not ended come back."
    note = "Tokens that have not ended or been revoked work again too."
    done = "The person is active again."

    def offered(self, row):
        return not row.is_active

    def context(self, model_admin, request, row):
        grants = row.role_grants.in_force().select_related("team")
        return {
            "open": [{"sentence": f"{grant}"} for grant in grants],
            "open_title": "Roles that come back",
        }

    def run(self, request, row, cleaned):
        return reactivate_person(row.pk, actor=request.user, reason=cleaned["reason"])


class TakeSecondFactor(AuthenticatedAct):
    name = "take-second-factor"
    label = "Take second factor away…"
    right = "take_second_factor"
    lead = "Their password alone signs them in from now on, until they set up another."
    note = "For somebody who lost their phone. Make sure that it is they who ask."
    done = "The second factor is taken away."

    def offered(self, row):
        return has_second_factor(row)

    def run(self, request, row, cleaned):
        return take_second_factor(
            row.pk, password=cleaned["password"], actor=request.user, reason=cleaned["reason"]
        )


@admin.register(Person)
class PersonAdmin(RegistryAdmin):
    form = PersonForm
    list_display = ("username", "name", "kind", "is_active", "roles", "changed")
    list_filter = ("kind", "is_active")
    search_fields = ("username", "name", "email")
    acts = (Deactivate(), Reactivate(), TakeSecondFactor())
    fieldsets = (
        (
            None,
            {
                "fields": ("username", "name", "email", "kind", "password"),
                "description": "People are deactivated, never deleted, and their user name "
                "stays: signatures carry it.",
            },
        ),
    )
    shown_fieldsets = ((None, {"fields": ("username", "name", "email", "kind", "is_active")}),)
    help_texts = {
        "name": "As it is printed on signatures.",
        "email": "Where notices and the link for a new password go.",
        "subject": "Who they are at the identity provider (sub). Filled in at their first sign-in "
        "there, if it vouches for their address.",
        "kind": "A service account is what pipelines and routers act as; it has no password.",
    }

    def get_fieldsets(self, request, obj=None):
        if obj is None:
            return self.fieldsets
        fields = self.shown_fieldsets[0][1]["fields"]
        if settings.SINGLE_SIGN_ON is not None and obj.kind == Person.Kind.PERSON:
            fields = (*fields, "subject")
        return ((None, {"fields": fields}),)

    def get_readonly_fields(self, request, obj=None):
        return () if obj is None else ("username", "kind", "is_active")

    def get_list_prefetch(self, request):
        seen = RoleGrant.objects.visible_to(request.user).in_force().select_related("team")
        return (Prefetch("role_grants", seen, "roles_now"),)

    @admin.display(description="roles")
    def roles(self, obj):
        held = [
            f"{grant.get_role_display()} ({grant.team or 'all teams'})" for grant in obj.roles_now
        ]
        return ", ".join(held) or None

    def may(self, request, verb, obj=None):
        if verb in ("deactivate", "reactivate", "take_second_factor"):
            return super().may(request, verb, obj)
        return super().may(request, verb)

    def write(self, request, pk, *, values, parts, reason, form):
        if pk is None:
            return add_person(**values, actor=request.user, reason=reason)
        values.pop("password", None)
        return amend_person(pk, **values, actor=request.user, reason=reason)

    def sections(self, request, obj):
        grants = RoleGrant.objects.visible_to(request.user).in_force().filter(person=obj)
        tokens = ApiToken.objects.visible_to(request.user).filter(user=obj)
        return [
            list_section(
                "Roles",
                [
                    (
                        form_url(grant),
                        grant.get_role_display(),
                        f"{grant.team or 'all teams'}, since {grant.granted_at:%d %b %Y}",
                    )
                    for grant in grants.select_related("team")
                ],
                link=""
                if RoleGrantAdmin.grant_objections(request, obj)
                else add_url(RoleGrant, person=obj.pk),
                words="Grant a role",
                empty="No role that you may see. Without one, a person sees nothing here.",
            ),
            list_section(
                "API tokens",
                [
                    (
                        form_url(token),
                        token.name,
                        (
                            f"{token.get_scope_display()}, ends {token.expiry:%d %b %Y}"
                            f"{', revoked' if token.revoked_at else ''}"
                        ),
                    )
                    for token in tokens[:20]
                ],
                empty="No token that you may see.",
            ),
        ]


class EndGrant(Act):
    name = "end"
    label = "End…"
    right = "administer"
    lead = "The role ends at once."
    note = "It stays on record. To give it back, grant it again."
    done = "The role has ended."

    def offered(self, row):
        return row.ended_at is None

    def context(self, model_admin, request, row):
        return {
            "open": open_ends(row.person),
            "open_title": f"What {row.person} has open",
        }

    def run(self, request, row, cleaned):
        return end_grant(row.pk, actor=request.user, reason=cleaned["reason"])


class GrantedFilter(admin.SimpleListFilter):
    """Grants in force or ended."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request, model_admin):
        return (("in-force", "in force"), ("ended", "ended"))

    def queryset(self, request, queryset):
        if self.value() in ("in-force", "ended"):
            return queryset.filter(ended_at__isnull=self.value() == "in-force")
        return queryset


@admin.register(RoleGrant)
class RoleGrantAdmin(RegistryAdmin):
    list_display = ("person", "role", "for_team", "granted_by", "granted_at", "ended_at")
    list_filter = (GrantedFilter, "role", "team")
    list_select_related = ("person", "team", "granted_by")
    search_fields = ("person__username", "person__name", "team__slug")
    date_hierarchy = "granted_at"
    acts = (EndGrant(),)
    fieldsets = (
        (
            None,
            {
                "fields": ("person", "role", "team"),
                "description": "A role in a team gives sight of that team's rows; a role for all "
                "teams gives sight of everything. Nobody grants a role to themselves.",
            },
        ),
    )
    shown = ("person", "role", "team", "granted_by", "granted_at", "ended_by", "ended_at")

    @staticmethod
    def grant_objections(request, person):
        """Return why the reader may not grant this person a role."""
        return rights.may(request.user, "grant_role", person)

    def get_fieldsets(self, request, obj=None):
        return self.fieldsets if obj is None else ((None, {"fields": self.shown}),)

    def get_readonly_fields(self, request, obj=None):
        return () if obj is None else self.shown

    def objections(self, request, verb, obj=None):
        if verb == "change" and obj is not None and obj.ended_at is None:
            return [Reason("CLOSED", "A grant is not amended: end it, and grant another.")]
        return super().objections(request, verb, obj)

    def may(self, request, verb, obj=None):
        return super().may(request, verb, obj if verb == "administer" else None)

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "person":
            field.queryset = field.queryset.filter(is_active=True).exclude(pk=request.user.pk)
        return field

    @admin.display(description="team", ordering="team__slug")
    def for_team(self, obj):
        return obj.team or "all teams"

    def page_url(self, obj):
        return form_url(obj.person)

    def write(self, request, pk, *, values, parts, reason, form):
        return grant_role(
            values["person"].pk,
            role=values["role"],
            team=values["team"],
            actor=request.user,
            reason=reason,
        )
