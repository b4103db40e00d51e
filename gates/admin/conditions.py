"""Admin pages of conditions: set with a signature, closed here by evidence."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.template.response import TemplateResponse

from audit import Reason, clock
from audit.admin import Act, GovernedAdmin, VisibleRelatedFilter
from gates import transitions
from gates.condition_forms import CloseForm
from gates.conditions import facts_of, with_closings
from gates.models import Condition
from gates.pages import conditions, gateversion
from gates.rules.conditions import state
from registry.models import Release
from registry.rights import may


class Close(Act):
    name = "close"
    label = "Close by evidence…"
    right = "close_condition"
    lead = "This finds that the evidence shows the condition is met."
    note = "If the item is withdrawn later, the condition is open again."
    done = "The condition is closed."
    form = CloseForm
    primary = True

    def offered(self, row):
        return state(facts_of(row), clock.now()) == "open"

    def objections(self, model_admin, request, row):
        reasons = super().objections(model_admin, request, row)
        if not reasons and row.owner_id == request.user.pk:
            sentence = "You own this condition. Somebody else finds that it is met."
            reasons = [Reason("OWNS_IT", sentence)]
        return reasons

    def context(self, model_admin, request, row):
        return {"facts": conditions.facts(row), "told": {"What must be done": row.text}}

    def run(self, request, row, cleaned):
        transitions.close_condition(
            row.pk, item=cleaned["item"], actor=request.user, reason=cleaned["reason"]
        )


@admin.register(Condition)
class ConditionAdmin(GovernedAdmin):
    acts = (Close(),)
    list_display = ("condition", "about", "owner", "due_at", "stands")
    list_filter = (("promotion__environment", VisibleRelatedFilter),)
    list_select_related = (
        "owner",
        "sign_off",
        "promotion__release__use_case__team",
        "promotion__environment",
    )
    search_fields = ("text", "owner__username", "promotion__release__use_case__slug")
    search_help_text = "Words of the condition, its owner, or the use case."

    def get_queryset(self, request):
        return with_closings(super().get_queryset(request)).order_by("-pk")

    csv_columns = {"condition": {"condition": lambda row: row.text}}

    @admin.display(description="condition", ordering="pk")
    def condition(self, obj):
        return f"{obj.pk} · {obj.text[:120]}"

    @admin.display(description="lets")
    def about(self, obj):
        return f"{obj.promotion.release} into {obj.promotion.environment}"

    @admin.display(description="how it stands")
    def stands(self, obj):
        return gateversion.state_html(state(facts_of(obj), clock.now()))

    def may(self, request, verb, obj=None):
        if verb == "close_condition":
            return may(request.user, verb, Release if obj is None else obj.promotion.release)
        sentence = "Conditions are set by whoever signs, with the signature."
        return [Reason("SET_BY_SIGNING", sentence)]

    def change_view(self, request, object_id, form_url="", extra_context=None):
        """Show a condition and what closed it; nothing is amended."""
        condition = self.get_object(request, object_id)
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied("A condition never changes: it is part of a signature.")
        request.current_app = self.admin_site.name
        stands = state(facts_of(condition), clock.now())
        gives = not may(request.user, "give_evidence", condition.promotion.release)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Condition {condition.pk}",
            "condition": condition,
            "state": stands,
            "kind": conditions.kind_name(condition.evidence_kind),
            "give_url": conditions.give_url(condition) if gives and stands == "open" else "",
            "facts": conditions.facts(condition),
            "closings": condition.closings.all(),
            "act_buttons": self.act_buttons(request, condition),
            "history_url": self.history_url(condition),
        }
        return TemplateResponse(request, "gates/condition.html", context)
