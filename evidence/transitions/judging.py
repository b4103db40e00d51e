"""What items and runs are judged by alike."""

from typing import Any

from django.core.exceptions import ValidationError

from audit import Change, Reason, Refused
from audit.refusals import Conflict
from evidence import rules
from evidence.models import EvidenceItem
from registry.models import ModelVersion, Release


def key_of(row: Any) -> Any:
    """Return the key of a row; a key is its own."""
    return getattr(row, "pk", row)


def lock_subject(change: Change, *, release: int | None, version: int | None) -> None:
    """Lock what evidence is about: whoever signs holds it, so that no fact moves while judged."""
    if version is not None:
        change.lock(ModelVersion, version)
    if release is not None:
        change.lock(Release, release)


def lock_item(change: Change, pk) -> EvidenceItem:
    """Lock an item with its subject first, and return the item. Raises `DoesNotExist`."""
    subject = EvidenceItem._base_manager.values("release", "version").get(pk=pk)
    lock_subject(change, **subject)
    return change.lock(EvidenceItem, pk)


def refuse(reasons: list[Reason]) -> None:
    """Raise `Refused` with the reasons, if there are any."""
    if reasons:
        raise Refused(reasons)


def refuse_withdrawn(item: EvidenceItem) -> None:
    """Raise `Conflict` when the item was withdrawn."""
    if hasattr(item, "withdrawal"):
        raise Conflict(
            Reason("WITHDRAWN", f"{item.withdrawal.withdrawn_by} withdrew this item already.")
        )


def field_reasons(row, *names: str, field: str = "") -> list[Reason]:
    """Judge the named columns of a row as its model declares them."""
    left_out = {column.name for column in row._meta.concrete_fields} - set(names)
    reasons = []
    try:
        row.clean_fields(exclude=left_out)
    except ValidationError as error:
        reasons += [
            Reason("NOT_VALID", message, f"{field}{name}")
            for name, messages in error.message_dict.items()
            for message in messages
        ]
    for name in names:
        value = getattr(row, name)
        if isinstance(value, str) and not rules.is_storable(value):
            sentence = "This has characters that cannot be kept. Type it anew."
            reasons.append(Reason("NOT_STORABLE", sentence, f"{field}{name}"))
    return reasons
