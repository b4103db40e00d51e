"""What the list of promotions does with many at once: it reminds, and never signs."""

from django.contrib import admin, messages

from gates import transitions
from gates.models import Promotion
from gates.pages import words
from registry.models import Release
from registry.rights import may


class Reminding:
    """For the list of promotions: remind of the chosen ones."""

    actions = ("remind",)

    @admin.action(description="Remind whoever is to sign", permissions=["remind"])
    def remind(self, request, queryset):
        """Remind of the chosen ones, each at most once a day; nothing is ever signed in bulk."""
        rows = queryset.filter(state=Promotion.State.IN_REVIEW).order_by("pk")
        done, others = transitions.remind_all(rows, actor=request.user)
        left_out = queryset.exclude(state=Promotion.State.IN_REVIEW).count()
        if done:
            messages.success(request, f"Reminders of {words.count(done, 'promotion')} go out.")
        if left_out:
            be = "is" if left_out == 1 else "are"
            said = f"{words.count(left_out, 'promotion')} {be} not in review."
            messages.warning(request, said)
        for sentence in others[:10]:
            messages.warning(request, sentence)

    def has_remind_permission(self, request):
        return not may(request.user, "discuss", Release)
