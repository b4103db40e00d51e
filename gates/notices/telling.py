"""From a notice to its deliveries: whom it concerns now, in which words. Part of `tick`."""

import logging
from datetime import datetime
from functools import partial

from django.conf import settings
from django.db import transaction

from audit import clock
from gates.models import Delivery, Notice, Promotion, Webhook
from gates.notices.people import concerned
from gates.notices.saying import Said, say
from gates.pages.loaded import WITH, load
from gates.rules.notices import KINDS, STALE_AFTER
from gates.webhooks.messages import message_body

log = logging.getLogger("gatehouse.notices")

#: Notices that one run tells; the next run goes on.
AT_ONCE = 500


def tell_all() -> str:
    """Write the deliveries of every notice that was not told yet, oldest first."""
    told = written = failed = 0
    waiting = Notice.objects.filter(told_at=None).order_by("created_at")
    for pk in list(waiting.values_list("pk", flat=True)[:AT_ONCE]):
        try:
            number = tell(Notice.objects.get(pk=pk))
        except Exception:
            # One that cannot be told must not keep the others untold; it is tried for a week.
            log.exception("Notice %s could not be told", pk)
            failed += 1
            continue
        if number is not None:
            told += 1
            written += number
    said = f"{told} notices told, {written} deliveries written"
    return f"{said}, {failed} failed" if failed else said


def tell(notice: Notice) -> int | None:
    """Write the deliveries of one notice and return how many; None if somebody else did.

    Words and recipients are worked out first, in no transaction; then one UPDATE decides who
    writes, so that two machines write them once.
    """
    now = clock.now()
    deliveries = [] if now - notice.created_at > STALE_AFTER else _deliveries(notice, now)
    with transaction.atomic():
        if not Notice.objects.filter(pk=notice.pk, told_at=None).update(told_at=now):
            return None
        Delivery.objects.bulk_create(deliveries)
    return len(deliveries)


def _deliveries(notice: Notice, now: datetime) -> list[Delivery]:
    """Return what is to be sent: a mail to each person, a message to each webhook."""
    loaded = None
    if notice.promotion_id is not None:
        promotion = Promotion.objects.select_related(*WITH).get(pk=notice.promotion_id)
        if KINDS[notice.kind].in_review and promotion.state != Promotion.State.IN_REVIEW:
            return []  # overtaken: what came after has a notice of its own
        notice.promotion, loaded = promotion, load(promotion)
    to_send = partial(Delivery, notice=notice, created_at=now, due_at=now)
    found = []
    for person in concerned(notice, loaded):
        said = say(notice, loaded and loaded.read_by(person))
        found.append(to_send(person=person, title=said.title[:300], body=mail_body(said, notice)))
    if hooks := _webhooks(notice):
        said = say(notice, loaded)
        body = message_body(notice, said)
        found += [to_send(webhook=hook, title=said.title[:300], body=body) for hook in hooks]
    return found


def _webhooks(notice: Notice) -> list[Webhook]:
    """Return the webhooks that are on and are sent this kind, or that it is about."""
    on = Webhook.objects.filter(off_since=None)
    if notice.kind == "webhook.test":
        return list(on.filter(pk=notice.facts["webhook"]))
    return [hook for hook in on if notice.kind in hook.kinds]


def mail_body(said: Said, notice: Notice) -> str:
    """Return the text of a mail: two sentences, the address, and why it came."""
    return (
        f"{said.headline} {said.text}\n\n{said.url}\n\n--\n"
        f"{KINDS[notice.kind].about} Choose what you are told of: "
        f"{settings.GATEHOUSE_URL}/notices/\n"
    )
