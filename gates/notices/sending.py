"""Sending what waits in the outbox, after commit and outside any transaction. Part of `tick`.

A delivery is claimed with a lease before it is sent. Whoever dies in between leaves it to be sent
again by the next, under the same message id: at least once, and told apart by its receiver.
"""

import logging
import uuid
from datetime import timedelta
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.db.models import F

from audit import clock, receipts
from audit.models import Entry
from gates.models import Delivery, Notice, PackagePerson, Webhook
from gates.rules.notices import WAITS, wait_after
from gates.rules.recorded import SIGNED
from gates.rules.webhooks import is_dead
from gates.transitions.webhooks import give_up
from gates.webhooks.messages import send_message
from gates.webhooks.posting import NotPosted

log = logging.getLogger("gatehouse.notices")

#: Sendings claimed at a time, and how long whoever claims them has for all of them.
BATCH = 20
LEASE = timedelta(minutes=10)
#: One run ends after this long; what is left is due in the next.
RUN = timedelta(minutes=4)


def send_all() -> str:
    """Send all that is due, and say how many went and how many did not.

    A webhook that did not answer once is not tried again in the same run, so that it keeps
    nobody else waiting.
    """
    until = clock.now() + RUN
    sent = failed = 0
    silent: set[int] = set()
    while clock.now() < until and (claimed := claim()):
        for delivery in claimed:
            if delivery.webhook_id in silent:
                _put_back(delivery)
            elif attempt(delivery):
                sent += 1
            else:
                failed += 1
                silent |= {delivery.webhook_id} - {None}
    return f"{sent} sent, {failed} not sent"


def claim() -> list[Delivery]:
    """Take up to `BATCH` deliveries that are due and that nobody else is sending; mails first."""
    now, mine = clock.now(), uuid.uuid4()
    free = Delivery.objects.filter(due_at__lte=now).exclude(claimed_until__gt=now)
    free = free.exclude(webhook__in=Webhook.objects.filter(off_since__isnull=False).values("pk"))
    with transaction.atomic():
        # SQLite has one writer, who holds the lock from here on; PostgreSQL skips locked rows.
        rows = free.select_for_update(
            skip_locked=connection.features.has_select_for_update_skip_locked, of=("self",)
        )
        order = (F("webhook").asc(nulls_first=True), "due_at", "pk")
        pks = list(rows.order_by(*order).values_list("pk", flat=True)[:BATCH])
        Delivery.objects.filter(pk__in=pks).update(claim=mine, claimed_until=now + LEASE)
    mine = Delivery.objects.filter(claim=mine).select_related("notice", "person", "webhook")
    return list(mine.order_by("due_at", "pk"))


def _put_back(delivery: Delivery) -> None:
    """Leave a claimed delivery to a later run, untried."""
    Delivery.objects.filter(pk=delivery.pk, claim=delivery.claim).update(
        claim=None, claimed_until=None, due_at=clock.now() + WAITS[0]
    )


def attempt(delivery: Delivery) -> bool:
    """Send one claimed delivery and write down how it went; whether it was sent."""
    error, status, gone = "", None, False
    try:
        status = send_message(delivery) if delivery.webhook_id else send_mail(delivery)
    except NotPosted as why:
        error, status, gone = str(why)[:300], why.status, why.gone
    except Exception as fault:
        # One that we cannot even try must not keep the others from being sent.
        log.exception("Delivery %s failed", delivery.pk)
        error = f"It could not be tried: {type(fault).__name__}."
    now = clock.now()
    tries = delivery.attempts + 1
    wait = wait_after(tries) if error and not gone else None
    # By the claim: if the lease ended meanwhile, what became of it is the new holder's to say.
    ours = Delivery.objects.filter(pk=delivery.pk, claim=delivery.claim).update(
        claim=None,
        claimed_until=None,
        attempts=tries,
        tried_at=now,
        status=status,
        error=error,
        sent_at=None if error else now,
        due_at=now + wait if wait else None,
    )
    if ours and error and wait is None and delivery.webhook_id:
        _consider_switching_off(delivery, error, gone)
    return not error


def _consider_switching_off(delivery: Delivery, error: str, gone: bool) -> None:
    sent = Delivery.objects.filter(webhook=delivery.webhook_id, sent_at__isnull=False)
    last = sent.order_by("-sent_at").values_list("sent_at", flat=True).first()
    if gone or is_dead(delivery.created_at, last):
        give_up(delivery.webhook_id, error)


def _receipt(notice: Notice) -> tuple[str, str, str]:
    """Return the file that a signer keeps: name, text and type."""
    pk = notice.facts["signature"]
    row = PackagePerson.objects.get(pk=pk)
    entry = Entry.objects.get(row=row.key, event__startswith=SIGNED)
    try:
        text = receipts.handed_out(entry.seq)
    except receipts.NotYet as error:
        raise NotPosted(str(error)) from error
    return f"signature-{row.promotion_id}-{row.pk}.tlog-proof", text, "text/plain"


def send_mail(delivery: Delivery) -> None:
    """Send one mail, under an id that stays the same however often it is tried."""
    if not delivery.person.is_active or not delivery.person.email:
        raise NotPosted("They were deactivated, or have no address any more.", gone=True)
    host = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    message = EmailMessage(
        subject=delivery.title,
        body=delivery.body,
        to=[delivery.person.email],
        headers={"Message-ID": f"<{delivery.pk}@{host}>", "Auto-Submitted": "auto-generated"},
    )
    if delivery.notice.kind == "sign_off.receipt":
        message.attach(*_receipt(delivery.notice))
    try:
        message.send()
    except OSError as error:  # smtplib's own errors are of this kind
        raise NotPosted(f"{type(error).__name__}: {error}") from error
