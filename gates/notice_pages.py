"""The page on which everybody chooses what they are told of by e-mail, and reads what was sent."""

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from gates.models import Delivery, MutedKind
from gates.rules.notices import KINDS
from registry.models import Person

#: Mails that the page lists.
SHOWN = 20


class KindsForm(forms.Form):
    """The kinds of notice that somebody wants by e-mail, ticked."""

    kinds = forms.MultipleChoiceField(
        label="Tell me by e-mail",
        choices=[(kind.code, f"{kind.name}: {kind.about}") for kind in KINDS.values() if kind.mail],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": "Choose kinds from the list."},
    )


@require_http_methods(["GET", "HEAD", "POST"])
def page(request):
    """Show and save one's own choice; it is nobody else's, and no part of the record."""
    if request.method == "POST":
        form = KindsForm(request.POST)
        if form.is_valid():
            choose(request.user, form.cleaned_data["kinds"])
            messages.success(request, "Your choice is saved.")
            return HttpResponseRedirect(reverse("admin:notices"))
    else:
        form = KindsForm(initial={"kinds": wanted_kinds(request.user)})
    context = {
        **admin.site.each_context(request),
        "title": "Notices",
        "form": form,
        "address": request.user.email,
        "deliveries": [_line(one) for one in _mails(request.user)],
    }
    status = 422 if form.is_bound else 200
    return TemplateResponse(request, "gates/notices.html", context, status=status)


def wanted_kinds(person: Person) -> list[str]:
    """Return the kinds that `person` has not turned off."""
    muted = set(MutedKind.objects.filter(person=person).values_list("kind", flat=True))
    return [code for code, kind in KINDS.items() if kind.mail and code not in muted]


def choose(person: Person, kinds: list[str]) -> None:
    """Let `person` be told of these kinds by e-mail, and of no others."""
    with transaction.atomic():
        MutedKind.objects.filter(person=person).delete()
        MutedKind.objects.bulk_create(
            (
                MutedKind(person=person, kind=code)
                for code, kind in KINDS.items()
                if kind.mail and code not in kinds
            ),
            ignore_conflicts=True,
        )


def _mails(person: Person):
    rows = Delivery.objects.filter(person=person).select_related("notice__promotion")
    return rows.order_by("-created_at")[:SHOWN]


def _line(delivery: Delivery) -> dict:
    promotion = delivery.notice.promotion
    return {
        "title": delivery.title,
        "url": promotion.get_absolute_url() if promotion else "",
        "at": delivery.sent_at or delivery.created_at,
        "state": "sent" if delivery.sent_at else "waiting" if delivery.due_at else "failed",
    }
