"""Sending what waits in the outbox, after commit and outside any transaction. Part of `tick`.

A delivery is claimed with a lease before it is sent. Whoever dies in between leaves it to be sent
again by the next, under the same message id: at least once, and told apart by its receiver.
"""

import uuid
from datetime import timedelta
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connection, transaction

from audit import clock
from gates.models import Delivery
from gates.rules.notices import wait_after

#: Sendings claimed at a time, and how long whoever claims them has for all of them.
BATCH = 20
LEASE = timedelta(minutes=10)
#: One run ends after this long; what is left is due in the next.
RUN = timedelta(minutes=4)


class NotSent(Exception):
    """It could not be sent this time; the text says why, for administrators."""


def send_all() -> str:
    """Send all that is due, and say how many went and how many did not."""
    until = clock.now() + RUN
    sent = failed = 0
    while clock.now() < until and (claimed := claim()):
        for delivery in claimed:
            if attempt(delivery):
                sent += 1
            else:
                failed += 1
    return f"{sent} sent, {failed} not sent"


def claim() -> list[Delivery]:
    """Take up to `BATCH` deliveries that are due and that nobody else is sending."""
    now, mine = clock.now(), uuid.uuid4()
    free = Delivery.objects.filter(due_at__lte=now).exclude(claimed_until__gt=now)
    with transaction.atomic():
        # SQLite has one writer, who holds the lock from here on; PostgreSQL skips locked rows.
        rows = free.select_for_update(
            skip_locked=connection.features.has_select_for_update_skip_locked
        )
        pks = list(rows.order_by("due_at", "pk").values_list("pk", flat=True)[:BATCH])
        Delivery.objects.filter(pk__in=pks).update(claim=mine, claimed_until=now + LEASE)
    return list(Delivery.objects.filter(claim=mine).select_related("notice", "person"))


def attempt(delivery: Delivery) -> bool:
    """Send one claimed delivery and write down how it went; whether it was sent."""
    error = ""
    try:
        send_mail(delivery)
    except NotSent as why:
        error = str(why)[:300]
    now = clock.now()
    tries = delivery.attempts + 1
    wait = wait_after(tries) if error else None
    # By the claim: if the lease ended meanwhile, what became of it is the new holder's to say.
    Delivery.objects.filter(pk=delivery.pk, claim=delivery.claim).update(
        claim=None,
        claimed_until=None,
        attempts=tries,
        tried_at=now,
        error=error,
        sent_at=None if error else now,
        due_at=now + wait if wait else None,
    )
    return not error


def send_mail(delivery: Delivery) -> None:
    """Send one mail, under an id that stays the same however often it is tried."""
    host = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    message = EmailMessage(
        subject=delivery.title,
        body=delivery.body,
        to=[delivery.person.email],
        headers={"Message-ID": f"<{delivery.pk}@{host}>", "Auto-Submitted": "auto-generated"},
    )
    try:
        message.send()
    except OSError as error:  # smtplib's own errors are of this kind
        raise NotSent(f"{type(error).__name__}: {error}") from error
