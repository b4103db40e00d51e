"""The body of a message, and its headers when it is sent."""

from django.conf import settings

from audit import clock
from audit.rules import canonical
from gates.models import Delivery, Notice
from gates.notices.saying import Said
from gates.rules.webhooks import signature
from gates.webhooks.keys import SecretLost, decrypted
from gates.webhooks.posting import NotPosted, post


def message_body(notice: Notice, said: Said) -> str:
    """Return the canonical JSON of a message: kind, ids, addresses, sentences, and no secret."""
    promotion = notice.promotion
    data = {
        "id": str(notice.pk),
        "title": said.title,
        "headline": said.headline,
        "text": said.text,
        "url": said.url,
    }
    if promotion is not None:
        data |= {
            "promotion": promotion.pk,
            "state": promotion.state,
            "release": promotion.release.digest,
            "environment": promotion.environment.slug,
            "api_url": f"{settings.GATEHOUSE_URL}/api/v1/promotions/{promotion.pk}/",
        }
    return canonical({"type": notice.kind, "timestamp": notice.created_at, "data": data}).decode()


def send_message(delivery: Delivery) -> int:
    """Sign and send one message; return the status. Raises `NotPosted`.

    Its id is the delivery's, however often it is tried or replayed, so that its receiver can tell
    a second one from new news; its timestamp is that of the try.
    """
    body = delivery.body.encode()
    message_id, timestamp = f"msg_{delivery.pk.hex}", int(clock.now().timestamp())
    try:
        secret = decrypted(delivery.webhook.secret)
    except SecretLost:
        raise NotPosted("Its secret cannot be read any more; renew it.") from None
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Gatehouse",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secret, message_id, timestamp, body),
    }
    return post(delivery.webhook.url, headers, body, allow_local=settings.WEBHOOKS_ALLOW_LOCAL)
