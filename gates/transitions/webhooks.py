"""Webhooks: made and kept by administrators, switched off when nobody answers."""

from collections.abc import Iterable

from django.conf import settings

import audit
from audit import Reason, Refused
from audit.refusals import Conflict
from gates.models import Delivery, Webhook
from gates.notices.writing import note
from gates.rules.notices import FOR_WEBHOOKS
from gates.rules.webhooks import secret_text, url_problems
from gates.webhooks.keys import encrypted, new_secret
from gates.webhooks.posting import NotPosted, judged_address
from registry import rights


def save_webhook(
    pk: int | None, *, name: str, url: str, kinds: Iterable[str], actor, reason: str
) -> tuple[Webhook, str]:
    """Make a webhook (`pk` None) or amend one; return it, and its secret if it is new.

    The secret is shown once. Raises `Refused` with a reason per field, `NotAllowed`.
    """
    kinds = sorted(set(kinds))
    _refuse(url, kinds)
    secret = new_secret() if pk is None else b""
    with audit.change(actor=actor, reason=reason) as change:
        person = rights.acting(change, actor)
        rights.demand(person, "administer")
        row = Webhook(secret=encrypted(secret)) if pk is None else change.lock(Webhook, pk)
        row.name, row.url, row.kinds = name, url, kinds
        change.save(row)
    return row, secret_text(secret) if secret else ""


def _refuse(url: str, kinds: list[str]) -> None:
    """Raise with every reason against address and kinds; resolves the name, so before any lock."""
    local = settings.WEBHOOKS_ALLOW_LOCAL
    reasons = url_problems(url, allow_local=local)
    if not reasons:
        try:
            judged_address(url, allow_local=local)
        except NotPosted as error:
            reasons = [Reason("ADDRESS_REFUSED", str(error), "url")]
    if not kinds:
        reasons.append(Reason("KINDS_MISSING", "Choose at least one kind.", "kinds"))
    if unknown := set(kinds) - set(FOR_WEBHOOKS):
        names = ", ".join(sorted(unknown))
        reasons.append(Reason("KIND_UNKNOWN", f"There is no kind {names}.", "kinds"))
    if reasons:
        raise Refused(reasons)


def renew_secret(pk: int, *, actor, reason: str) -> tuple[Webhook, str]:
    """Give a webhook a new secret, shown once; the old one signs nothing from now on."""
    secret = new_secret()
    with audit.change(actor=actor, reason=reason) as change:
        row = _theirs(change, pk, actor)
        row.secret = encrypted(secret)
        change.save(row, event="webhook.secret_renewed")
    return row, secret_text(secret)


def switch_off(pk: int, *, actor, reason: str) -> Webhook:
    """Send nothing there from now on; what waits stays waiting."""
    with audit.change(actor=actor, reason=reason) as change:
        row = _theirs(change, pk, actor)
        return _off(change, row)


def switch_on(pk: int, *, actor, reason: str) -> Webhook:
    """Send again, first what waits."""
    with audit.change(actor=actor, reason=reason) as change:
        row = _theirs(change, pk, actor)
        if row.off_since is None:
            raise Conflict(Reason("ON", "This webhook is on already."))
        row.off_since = None
        return change.save(row, event="webhook.switched_on")


def try_out(pk: int, *, actor, reason: str) -> Webhook:
    """Let one message of kind `webhook.test` be sent by the next `tick`."""
    with audit.change(actor=actor, reason=reason) as change:
        row = _theirs(change, pk, actor)
        if row.off_since is not None:
            raise Conflict(Reason("OFF", "This webhook is off. Switch it on first."))
        note(change, "webhook.test", facts={"webhook": row.pk}, once=f"test:{change.id}")
        return change.save(row, event="webhook.tried")


def give_up(pk: int, why: str) -> None:
    """Switch off a webhook that did not answer for days, and tell the administrators."""
    actor = audit.system("tick")
    with audit.change(actor=actor, reason=f"It did not take what was sent: {why}") as change:
        row = change.lock(Webhook, pk)
        if row.off_since is not None:
            return
        _off(change, row)
        note(change, "webhook.off", facts={"webhook": row.pk, "name": row.name, "why": why})


def replay(delivery: Delivery) -> None:
    """Let a delivery be sent once more, whatever became of it; not a governed change."""
    now = audit.clock.now()
    Delivery.objects.filter(pk=delivery.pk).update(due_at=now, attempts=0, claim=None)


def _theirs(change: audit.Change, pk: int, actor) -> Webhook:
    person = rights.acting(change, actor)
    rights.demand(person, "administer")
    return change.lock(Webhook, pk)


def _off(change: audit.Change, row: Webhook) -> Webhook:
    if row.off_since is not None:
        raise Conflict(Reason("OFF", "This webhook is off already."))
    row.off_since = change.now
    return change.save(row, event="webhook.switched_off")
