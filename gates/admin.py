"""Admin pages of the gates: asking for a promotion, the list of them, and the published gates."""

from django.contrib import admin
from django.http import HttpResponseRedirect

from audit.admin import Act, GovernedAdmin
from gates import transitions
from gates.models import Promotion
from registry.models import Release
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
    done = "Submitted. The people whose roles are wanted see it as waiting for them."
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


@admin.register(Promotion)
class PromotionAdmin(GovernedAdmin):
    acts = (Submit(), TakeIn(), Withdraw())
    list_select_related = ("release__use_case__team", "environment", "requested_by")

    def may(self, request, verb, obj=None):
        return may(request.user, "request", obj.release if obj is not None else Release)

    def change_view(self, request, object_id, form_url="", extra_context=None):
        promotion = self.get_object(request, object_id)
        return HttpResponseRedirect(promotion.get_absolute_url())
