"""What was sent to one webhook, how it went, and the button that sends it once more."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from audit.tables import Table, newest
from gates.models import Delivery, Webhook
from gates.rules.notices import KINDS
from gates.transitions.webhooks import replay
from registry.rights import may

#: Deliveries on one page, and the last page that is reached.
PAGE = 50
LAST_PAGE = 200
COLUMNS = (
    *("message", "created at", "title", "kind", "state", "how it went"),
    *("tries", "tried at", "sent at"),
)


@dataclass(frozen=True)
class Line:
    """One delivery, as the page lays it out."""

    pk: str
    title: str
    kind: str
    state: str
    sentence: str
    at: datetime
    message_id: str


def deliveries_url(webhook: Webhook) -> str:
    """Return where the deliveries of a webhook are listed."""
    return reverse("admin:webhook_deliveries", args=[webhook.pk])


@require_http_methods(["GET", "HEAD", "POST"])
def deliveries(request, pk):
    """List what was sent there, newest first; send one of them again when it is posted."""
    webhook = get_object_or_404(Webhook.objects.visible_to(request.user), pk=pk)
    if request.method == "POST":
        return _replay(request, webhook)
    rows = webhook.deliveries.select_related("notice").order_by("-created_at", "pk")
    pages = Paginator(rows, PAGE)
    number = request.GET.get("page", "1")
    page = pages.get_page(min(int(number[:6]), LAST_PAGE) if number.isdecimal() else 1)
    context = {
        **admin.site.each_context(request),
        "title": f"Deliveries to {webhook}",
        "webhook": webhook,
        "webhook_url": reverse("admin:gates_webhook_change", args=[webhook.pk]),
        "page": page,
        "lines": [_line(one) for one in page],
        "may_replay": not may(request.user, "administer"),
    }
    return TemplateResponse(request, "gates/webhook_deliveries.html", context)


def table(request, pk) -> Table:
    """Return the deliveries of a webhook, newest first."""
    webhook = get_object_or_404(Webhook.objects.visible_to(request.user), pk=pk)
    rows = webhook.deliveries.select_related("notice").defer("body")

    def said(chunk: list[Delivery]) -> Iterator[list]:
        for row in chunk:
            line = _line(row)
            yield [
                line.message_id,
                row.created_at,
                line.title,
                line.kind,
                line.state,
                line.sentence,
                row.attempts,
                row.tried_at,
                row.sent_at,
            ]

    return Table(COLUMNS, newest(rows, said, by="created_at"))


def _replay(request, webhook: Webhook):
    if reasons := may(request.user, "administer"):
        raise PermissionDenied(reasons[0].sentence)
    try:
        delivery = webhook.deliveries.get(pk=request.POST.get("delivery", ""))
    except (Delivery.DoesNotExist, ValidationError):
        raise Http404("There is no such delivery.") from None
    replay(delivery)
    messages.success(request, "It is sent again with the next run, under the same message id.")
    return HttpResponseRedirect(deliveries_url(webhook))


def _line(delivery: Delivery) -> Line:
    tries = f"{delivery.attempts} tr{'y' if delivery.attempts == 1 else 'ies'}"
    if not delivery.attempts:
        state = "waiting"
        sentence = "To be sent again." if delivery.tried_at else "Not tried yet."
    elif delivery.sent_at:
        state, sentence = "sent", f"Answered {delivery.status}; {tries}."
    else:
        state = "waiting" if delivery.due_at else "failed"
        given_up = "" if delivery.due_at else "Given up after "
        sentence = f"{delivery.error.rstrip('.')}. {given_up}{tries}."
    kind = KINDS.get(delivery.notice.kind)
    return Line(
        pk=str(delivery.pk),
        title=delivery.title,
        kind=kind.name if kind else delivery.notice.kind,
        state=state,
        sentence=sentence,
        at=delivery.tried_at or delivery.created_at,
        message_id=f"msg_{delivery.pk.hex}",
    )
